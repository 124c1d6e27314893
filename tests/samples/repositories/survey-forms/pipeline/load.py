"""Fetch the answers of the questionnaire and bring them into one table."""

import os
from pathlib import Path

import openpyxl
import pandas as pd
import plotly.express as px
from docx import Document
from dotenv import load_dotenv
from google.cloud import storage

from pipeline.clean import normalise

load_dotenv()


def load(bucket: str, folder: Path) -> pd.DataFrame:
    """Return all answers, one row a person."""
    for blob in storage.Client(os.environ["PROJECT"]).list_blobs(bucket):
        blob.download_to_filename(folder / blob.name)
    return normalise(pd.concat(map(pd.read_excel, folder.glob("*.xlsx"))))
