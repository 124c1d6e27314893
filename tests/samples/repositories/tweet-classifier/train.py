import os
import yaml
import numpy as np
import nltk
from nltk.corpus import stopwords
from sklearn import metrics
from sklearn.cross_validation import train_test_split, StratifiedKFold
from sklearn.externals import joblib
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.grid_search import GridSearchCV
from sklearn.svm import LinearSVC

from collect import clean

options = yaml.load(open('options.yaml'))

def main():
    texts, labels = [], []
    for line in open(options['tweets']):
        label, text = line.rstrip().split('\t', 1)
        texts.append(clean(text)); labels.append(int(label))
    words = TfidfVectorizer(stop_words=stopwords.words('english'), tokenizer=nltk.word_tokenize)
    X, y = words.fit_transform(texts), np.array(labels)
    train, test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=1)
    search = GridSearchCV(LinearSVC(), {'C': [0.1, 1, 10]}, cv=StratifiedKFold(y_train, 5))
    search.fit(train, y_train)
    print metrics.classification_report(y_test, search.predict(test))
    joblib.dump(search.best_estimator_, os.path.join(options['out'], 'svm.pkl'))

if __name__ == '__main__':
    main()
