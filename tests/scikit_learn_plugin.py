"""A pytest plugin by which scikit-learn's own tests of its MLPs test fastnn's instead."""

import sklearn.neural_network

import fastnn.sklearn

sklearn.neural_network.MLPClassifier = fastnn.sklearn.MLPClassifier
sklearn.neural_network.MLPRegressor = fastnn.sklearn.MLPRegressor
