"""Write the mean measurements of each species and sex to output/summary.csv."""

from pathlib import Path

import pandas as pd

root = Path(__file__).resolve().parent.parent
penguins = pd.read_csv(root / "input" / "penguins.csv")
columns = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
summary = penguins.groupby(["species", "sex"])[columns].mean().round(1)
summary.to_csv(root / "output" / "summary.csv")
print(summary.to_string())
