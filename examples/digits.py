from sklearn import datasets
