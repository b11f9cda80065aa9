"""The problem: disease progression of diabetes patients. numpy, pandas and scikit-learn only; knows no platform."""
