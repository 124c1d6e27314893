import re

import attr
import numpy as np
from sklearn.impute import SimpleImputer

import survey_institute_codes


@attr.s(auto_attribs=True)
class Question:
    name: str
    scale: int = 5


def normalise(table):
    table.columns = [re.sub(r"\W+", "_", name).lower() for name in table.columns]
    numbers = table.select_dtypes(np.number)
    table[numbers.columns] = SimpleImputer(strategy="median").fit_transform(numbers)
    return survey_institute_codes.decode(table)
