"""The problem: the disease progression of diabetes patients. It imports only numpy, pandas and scikit-learn."""
