"""Eight small notebooks like those of a real pipeline. Every variant runs the same notebooks.

They import typical libraries, but neither this project nor scrapbook, so that no variant is at a disadvantage. Each
notebook does a little work, passes files to the next one in a folder, shows a table, and shows and saves a plot.
"""

IMPORTS = """\
import hashlib
import json
import shutil
from pathlib import Path

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score
from sklearn.model_selection import train_test_split"""

SPLIT = """\
frame = pd.read_csv(Path(folder, "data.csv"))
training, holdout = train_test_split(frame, test_size=0.2, random_state=0)
features = [name for name in frame if name != "target"]"""

EXPLAINED = "What this notebook does is said in a few sentences, as in any that is read by people:"

# By name: the lines that a notebook adds to the common parameters cell, then its other cells.
EIGHT: dict[str, tuple[str, ...]] = {
    "1_data_test": (
        "rows = 442  # expected",
        "frame = load_diabetes(as_frame=True).frame",
        "assert len(frame) == rows and not frame.isna().any().any()\nassert frame['target'].between(25, 346).all()",
        "Path(folder).mkdir(exist_ok=True)\nframe.to_csv(Path(folder, 'data.csv'), index=False)\nframe.describe().T",
        "plt.hist(frame['target'], bins=30)",
    ),
    "2_train": (
        "alpha = 0.4  # ridge penalty",
        SPLIT,
        "model = Ridge(alpha=alpha).fit(training[features], training['target'])",
        "joblib.dump(model, Path(folder, 'model.joblib'))\npd.DataFrame({'weight': model.coef_}, index=features)",
        "plt.barh(features, model.coef_)",
    ),
    "3_evaluate": (
        "confidence = 0.95",
        SPLIT,
        "predicted = joblib.load(Path(folder, 'model.joblib')).predict(holdout[features])",
        "pd.DataFrame({f.__name__: [f(holdout['target'], predicted)] for f in (mean_squared_error, r2_score)})",
        "plt.scatter(holdout['target'], predicted)",
    ),
    "4_register": (
        "model_name = 'diabetes'",
        "content = Path(folder, 'model.joblib').read_bytes()\ndigest = hashlib.sha256(content).hexdigest()",
        "Path(folder, 'registry.json').write_text(json.dumps({'name': model_name, 'sha256': digest}))",
        "weights = pd.Series(joblib.load(Path(folder, 'model.joblib')).coef_, name='weight')\nweights.to_frame()",
        "plt.plot(np.sort(np.abs(weights)))",
    ),
    "5_image": (
        "base = 'python'",
        "image = Path(folder, 'image')\nimage.mkdir(exist_ok=True)",
        "shutil.copy(Path(folder, 'model.joblib'), image)\nshutil.copy(Path(folder, 'registry.json'), image)",
        "sizes = pd.Series({path.name: path.stat().st_size for path in image.iterdir()})\nsizes.to_frame('bytes')",
        "plt.bar(sizes.index, sizes)",
    ),
    "6_deploy": (
        "force = False",
        "served = Path(folder, 'served')\nshutil.copytree(Path(folder, 'image'), served, dirs_exist_ok=True)",
        "registered = json.loads(Path(served, 'registry.json').read_text())",
        "content = Path(served, 'model.joblib').read_bytes()\n"
        "assert hashlib.sha256(content).hexdigest() == registered['sha256']\npd.Series(registered).to_frame()",
        "plt.hist(np.frombuffer(content, dtype=np.uint8), bins=32)",
    ),
    "7_test_service": (
        "requests = 20",
        SPLIT,
        "model = joblib.load(Path(folder, 'served', 'model.joblib'))",
        "answers = [model.predict(frame[features].iloc[[row]])[0] for row in range(requests)]\n"
        "pd.Series(answers).to_frame()",
        "plt.plot(answers)",
    ),
    "8_monitor": (
        "bins = 10",
        SPLIT,
        "edges = np.quantile(training['bmi'], np.linspace(0, 1, bins + 1))",
        "shares = pd.DataFrame({name: np.histogram(rows['bmi'], edges)[0] / len(rows) for name, rows in "
        "{'training': training, 'holdout': holdout}.items()})\nshares",
        "plt.plot(shares)",
    ),
}
