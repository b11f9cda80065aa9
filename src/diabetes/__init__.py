"""The problem: disease progression of diabetes patients. The package imports only numpy, pandas and scikit-learn."""
