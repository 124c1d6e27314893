"""Digits with a small convolutional network; figures of the workshop paper."""
import argparse
import os

import cv2
import h5py
import numpy as np
from keras import backend as K
from keras.callbacks import EarlyStopping, ModelCheckpoint
from keras.layers import Dense, Dropout, Flatten
from keras.layers.convolutional import Conv2D, MaxPooling2D
from keras.models import Sequential
from keras.utils import np_utils
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import tensorflow as tf


def read_images(folder):
    names = sorted(os.listdir(folder))
    images = [cv2.resize(cv2.imread(os.path.join(folder, name), 0), (28, 28)) for name in tqdm(names)]
    return np.array(images, "float32")[..., None] / 255, [int(name[0]) for name in names]


def network():
    model = Sequential([
        Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)), MaxPooling2D(), Dropout(0.25),
        Flatten(), Dense(128, activation="relu"), Dense(10, activation="softmax"),
    ])
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    X, y = read_images(parser.parse_args().folder)
    X_train, X_test, y_train, y_test = train_test_split(X, np_utils.to_categorical(y), random_state=0)
    with tf.Session() as session:
        K.set_session(session)
        stop = [EarlyStopping(patience=3), ModelCheckpoint("best.h5", save_best_only=True)]
        history = network().fit(X_train, y_train, validation_data=(X_test, y_test), epochs=30, callbacks=stop)
    with h5py.File("history.h5", "w") as file:
        for key, values in history.history.items():
            file[key] = values
