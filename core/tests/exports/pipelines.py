"""scikit-learn: estimators and pipelines, as skl2onnx exports them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import sklearn.calibration as calibration
import sklearn.cluster as cluster
import sklearn.cross_decomposition as cross
import sklearn.decomposition as decomposition
import sklearn.discriminant_analysis as discriminant
import sklearn.ensemble as ensemble
import sklearn.feature_selection as selection
import sklearn.gaussian_process as gp
import sklearn.kernel_approximation as approximation
import sklearn.linear_model as linear
import sklearn.mixture as mixture
import sklearn.multiclass as multiclass
import sklearn.multioutput as multioutput
import sklearn.naive_bayes as bayes
import sklearn.neighbors as neighbors
import sklearn.neural_network as network
import sklearn.preprocessing as pre
import sklearn.random_projection as projection
import sklearn.svm as svm
import sklearn.tree as tree
from skl2onnx import convert_sklearn, to_onnx
from skl2onnx.common.data_types import (
    DictionaryType,
    DoubleTensorType,
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline

RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(240, 4)).astype(np.float32)
SIGNAL = ROWS[:, 0] + np.sin(2 * ROWS[:, 1]) - 0.5 * ROWS[:, 2] * ROWS[:, 3]
BINARY = (SIGNAL > 0.3).astype(np.int64)
MULTI = np.digitize(SIGNAL, [-0.7, 0.7]).astype(np.int64)
NAMES = np.array(["low", "middle", "high"])[MULTI]
WORDS = np.array(["no", "yes"])[BINARY]
VALUE = SIGNAL.astype(np.float64)
TWO = np.stack([SIGNAL, ROWS[:, 0] * 2 - ROWS[:, 3]], axis=1)
LABELS = np.stack([BINARY, (ROWS[:, 3] > 0).astype(np.int64)], axis=1)
POSITIVE = np.abs(ROWS)
TEST = ROWS[:9]
HOLES = ROWS.copy()
HOLES[::3, 0] = np.nan
HOLES[1::4, 2] = np.nan

TEXTS = np.array(
    [
        "This is the first document.",
        "This document is the second document.",
        "And this is the third one, with a price of 20 euro.",
        "Is this the first document?",
        "Free money! Click here to win a prize now",
        "Meeting at noon; bring the third document",
        "WIN win Win prizes, prizes and more money",
        "nothing",
    ]
    * 4
)
SPAM = np.array([0, 0, 0, 0, 1, 0, 1, 0] * 4)

FRAME = pd.DataFrame(
    {
        "age": RNG.integers(18, 90, 240).astype(np.float32),
        "income": RNG.gamma(2, 1000, 240).astype(np.float32),
        "visits": RNG.integers(0, 9, 240).astype(np.int64),
        "city": RNG.choice(["Berlin", "Paris", "Rome", "Zürich"], 240),
        "plan": RNG.choice(["free", "pro", "team"], 240),
    }
)
CHURN = ((FRAME["age"] > 50) ^ (FRAME["plan"] == "pro")).astype(np.int64).to_numpy()
NUMERIC, INTEGER, TEXT = ["age", "income"], ["visits"], ["city", "plan"]


def types(columns):
    kinds = {**dict.fromkeys(NUMERIC, FloatTensorType), **dict.fromkeys(INTEGER, Int64TensorType)}
    return [(c, kinds.get(c, StringTensorType)([None, 1])) for c in columns]


def matrix(
    model, goal=BINARY, rows=ROWS, double=False, options=None, test=None, fit=None, opset=None
):
    """A model of one input, `X`."""
    data = rows.astype(np.float64) if double else rows
    model.fit(data if fit is None else fit, *([] if goal is None else [goal]))
    kind = DoubleTensorType if double else FloatTensorType
    if data.dtype == np.int64:
        kind = Int64TensorType
    proto = convert_sklearn(
        model,
        initial_types=[("X", kind([None, data.shape[1]]))],
        options=None if options is None else {id(model): options},
        target_opset=opset,
    )
    return proto, {"X": data[:9] if test is None else test}


def columns(model, goal=CHURN, frame=FRAME, options=None):
    """A model with one input for each column."""
    model.fit(frame, goal)
    proto = convert_sklearn(
        model,
        initial_types=types(frame.columns),
        options=None if options is None else {id(model): options},
    )
    test = frame[:9]
    return proto, {c: test[[c]].to_numpy() for c in frame.columns}


def strings(model, goal, rows, options=None, test=None):
    """A model of one input of strings."""
    model.fit(rows, *([] if goal is None else [goal]))
    proto = convert_sklearn(
        model,
        initial_types=[("X", StringTensorType([None, rows.shape[1]]))],
        options=None if options is None else {id(model): options},
    )
    return proto, {"X": rows[:9] if test is None else test}


def text(model, goal=None, double=False):
    """A model of texts, as one column."""
    model.fit(TEXTS, *([] if goal is None else [goal]))
    proto = convert_sklearn(model, initial_types=[("X", StringTensorType([None, 1]))])
    return proto, {"X": TEXTS[:8].reshape(-1, 1)}


def mixed(estimator, **pre_options):
    numeric = make_pipeline(SimpleImputer(strategy="median"), pre.StandardScaler())
    return Pipeline(
        [
            (
                "columns",
                ColumnTransformer(
                    [
                        ("numeric", numeric, NUMERIC),
                        ("text", pre.OneHotEncoder(handle_unknown="ignore"), TEXT),
                    ],
                    **pre_options,
                ),
            ),
            ("model", estimator),
        ]
    )


def dictionaries():
    rows = [{"a": 1.0, "b": 2.0}, {"b": 3.0, "c": 1.0}]
    model = DictVectorizer(sparse=False).fit(rows)
    kind = DictionaryType(StringTensorType([1]), FloatTensorType([1]))
    return convert_sklearn(model, initial_types=[("X", kind)]), {"X": {"b": 2.5, "c": -1.0}}


def cases():
    no_map = {"zipmap": False}
    by_column = {"zipmap": "columns"}
    svc = {"random_state": 0}

    # Linear models.
    for name, model, goal in [
        ("logistic", linear.LogisticRegression(), BINARY),
        ("logistic_multi", linear.LogisticRegression(), MULTI),
        ("logistic_names", linear.LogisticRegression(), NAMES),
        ("logistic_words", linear.LogisticRegression(), WORDS),
        ("logistic_cv", linear.LogisticRegressionCV(Cs=2, cv=2), BINARY),
        ("lda", discriminant.LinearDiscriminantAnalysis(), MULTI),
        ("qda", discriminant.QuadraticDiscriminantAnalysis(), MULTI),
        ("sgd_log", linear.SGDClassifier(loss="log_loss", random_state=0), MULTI),
        ("sgd_hinge", linear.SGDClassifier(random_state=0), BINARY),
        ("sgd_huber", linear.SGDClassifier(loss="modified_huber", random_state=0), MULTI),
        ("perceptron", linear.Perceptron(random_state=0), MULTI),
        ("passive", linear.PassiveAggressiveClassifier(random_state=0), BINARY),
        ("ridge_classifier", linear.RidgeClassifier(), MULTI),
        ("linear_svc", svm.LinearSVC(random_state=0), BINARY),
        ("linear_svc_multi", svm.LinearSVC(random_state=0), MULTI),
    ]:
        yield f"linear_{name}", partial(matrix, model, goal)
    yield "linear_logistic_no_map", partial(
        matrix, linear.LogisticRegression(), NAMES, options=no_map
    )
    yield "linear_logistic_columns", partial(
        matrix, linear.LogisticRegression(), NAMES, options=by_column
    )
    yield "linear_logistic_raw", partial(
        matrix, linear.LogisticRegression(), MULTI, options={"raw_scores": True, "zipmap": False}
    )
    yield "linear_logistic_double", partial(
        matrix, linear.LogisticRegression(), MULTI, double=True, options=no_map
    )
    yield "linear_logistic_integers", partial(
        matrix,
        linear.LogisticRegression(),
        BINARY,
        rows=np.round(ROWS * 4).astype(np.int64),
        options=no_map,
    )
    for name, model in [
        ("ols", linear.LinearRegression()),
        ("ridge", linear.Ridge()),
        ("lasso", linear.Lasso(0.01)),
        ("elastic", linear.ElasticNet(0.01)),
        ("bayesian", linear.BayesianRidge()),
        ("ard", linear.ARDRegression()),
        ("huber", linear.HuberRegressor()),
        ("theil", linear.TheilSenRegressor(random_state=0)),
        ("ransac", linear.RANSACRegressor(random_state=0)),
        ("lars", linear.Lars()),
        ("omp", linear.OrthogonalMatchingPursuit()),
        ("sgd", linear.SGDRegressor(random_state=0)),
        ("quantile", linear.QuantileRegressor(alpha=0.01)),
        ("linear_svr", svm.LinearSVR(random_state=0)),
    ]:
        yield f"regression_{name}", partial(matrix, model, VALUE)
    yield "regression_poisson", partial(matrix, linear.PoissonRegressor(), np.abs(VALUE))
    yield "regression_gamma", partial(matrix, linear.GammaRegressor(), np.abs(VALUE) + 0.1)
    yield "regression_tweedie", partial(
        matrix, linear.TweedieRegressor(power=1.5), np.abs(VALUE)
    )
    yield "regression_two", partial(matrix, linear.LinearRegression(), TWO)
    yield "regression_double", partial(matrix, linear.LinearRegression(), VALUE, double=True)
    yield "regression_multitask", partial(matrix, linear.MultiTaskLasso(0.01), TWO)
    yield "regression_pls", partial(matrix, cross.PLSRegression(2), TWO)
    yield "regression_target", partial(
        matrix,
        TransformedTargetRegressor(
            linear.LinearRegression(), transformer=pre.FunctionTransformer()
        ),
        VALUE,
    )

    # Support vector machines.
    for kernel in ["linear", "rbf", "poly", "sigmoid"]:
        machine = partial(svm.SVC, kernel=kernel, degree=3, coef0=0.2)
        yield f"svc_{kernel}", partial(matrix, machine(), BINARY)
        yield f"svc_{kernel}_multi", partial(matrix, machine(), MULTI)
        for name, goal in [("binary", BINARY), ("multi", MULTI), ("names", NAMES)]:
            yield f"svc_{kernel}_proba_{name}", partial(
                matrix, machine(probability=True, random_state=0), goal, options=no_map
            )
        yield f"svr_{kernel}", partial(matrix, svm.SVR(kernel=kernel), VALUE)
        yield f"one_class_{kernel}", partial(matrix, svm.OneClassSVM(kernel=kernel), None)
    yield "svc_words_map", partial(matrix, svm.SVC(probability=True, **svc), WORDS)
    yield "svc_ovr", partial(matrix, svm.SVC(decision_function_shape="ovr"), MULTI)
    yield "nu_svc", partial(matrix, svm.NuSVC(probability=True, **svc), MULTI)
    yield "nu_svr", partial(matrix, svm.NuSVR(), VALUE)
    yield "svc_double", partial(
        matrix, svm.SVC(probability=True, **svc), MULTI, double=True, options=no_map
    )
    yield "svr_double", partial(matrix, svm.SVR(), VALUE, double=True)

    # Trees and ensembles.
    small = {"n_estimators": 5, "max_depth": 4, "random_state": 0}
    for name, model, goal in [
        ("tree", tree.DecisionTreeClassifier(max_depth=4, random_state=0), NAMES),
        ("tree_extra", tree.ExtraTreeClassifier(max_depth=4, random_state=0), BINARY),
        ("forest", ensemble.RandomForestClassifier(**small), MULTI),
        ("forest_words", ensemble.RandomForestClassifier(**small), WORDS),
        ("extra", ensemble.ExtraTreesClassifier(**small), BINARY),
        ("boosting", ensemble.GradientBoostingClassifier(**small), BINARY),
        ("boosting_multi", ensemble.GradientBoostingClassifier(**small), NAMES),
        ("ada", ensemble.AdaBoostClassifier(n_estimators=4, random_state=0), MULTI),
        (
            "histogram",
            ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0),
            BINARY,
        ),
        (
            "histogram_multi",
            ensemble.HistGradientBoostingClassifier(max_iter=5, random_state=0),
            MULTI,
        ),
        ("bagging", ensemble.BaggingClassifier(n_estimators=3, random_state=0), MULTI),
        (
            "bagging_svc",
            ensemble.BaggingClassifier(svm.SVC(), n_estimators=3, random_state=0),
            BINARY,
        ),
        (
            "voting_soft",
            ensemble.VotingClassifier(
                [
                    ("a", linear.LogisticRegression()),
                    ("b", tree.DecisionTreeClassifier(max_depth=3)),
                ],
                voting="soft",
                flatten_transform=False,
            ),
            MULTI,
        ),
        (
            "voting_hard",
            ensemble.VotingClassifier(
                [
                    ("a", linear.LogisticRegression()),
                    ("b", tree.DecisionTreeClassifier(max_depth=3)),
                    ("c", bayes.GaussianNB()),
                ],
                flatten_transform=False,
            ),
            MULTI,
        ),
        (
            "stacking",
            ensemble.StackingClassifier(
                [
                    ("forest", ensemble.RandomForestClassifier(**small)),
                    ("svc", make_pipeline(pre.StandardScaler(), svm.SVC(probability=True, **svc))),
                ],
                linear.LogisticRegression(),
                cv=2,
            ),
            BINARY,
        ),
        (
            "stacking_multi",
            ensemble.StackingClassifier(
                [("tree", tree.DecisionTreeClassifier(max_depth=3)), ("nb", bayes.GaussianNB())],
                cv=2,
                passthrough=True,
            ),
            NAMES,
        ),
    ]:
        yield f"ensemble_{name}", partial(matrix, model, goal)
    for name, model in [
        ("tree", tree.DecisionTreeRegressor(max_depth=4, random_state=0)),
        ("forest", ensemble.RandomForestRegressor(**small)),
        ("extra", ensemble.ExtraTreesRegressor(**small)),
        ("boosting", ensemble.GradientBoostingRegressor(**small)),
        ("ada", ensemble.AdaBoostRegressor(n_estimators=4, random_state=0)),
        ("histogram", ensemble.HistGradientBoostingRegressor(max_iter=5, random_state=0)),
        ("bagging", ensemble.BaggingRegressor(n_estimators=3, random_state=0)),
        (
            "voting",
            ensemble.VotingRegressor(
                [("a", linear.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]
            ),
        ),
        (
            "stacking",
            ensemble.StackingRegressor(
                [("a", linear.Ridge()), ("b", svm.SVR())], linear.RidgeCV(), cv=2
            ),
        ),
    ]:
        yield f"ensemble_regressor_{name}", partial(matrix, model, VALUE)
    yield "ensemble_forest_two", partial(matrix, ensemble.RandomForestRegressor(**small), TWO)
    yield "ensemble_tree_double", partial(
        matrix, tree.DecisionTreeRegressor(max_depth=4), VALUE, double=True
    )
    yield "ensemble_forest_double", partial(
        matrix, ensemble.RandomForestClassifier(**small), MULTI, double=True, options=no_map
    )
    yield "ensemble_histogram_missing", partial(
        matrix,
        ensemble.HistGradientBoostingClassifier(max_iter=6, random_state=0),
        MULTI,
        rows=HOLES,
    )
    yield "ensemble_decision_path", partial(
        matrix,
        tree.DecisionTreeClassifier(max_depth=3, random_state=0),
        MULTI,
        options={"decision_path": True, "zipmap": False},
    )
    yield "ensemble_decision_leaf", partial(
        matrix,
        ensemble.RandomForestRegressor(**small),
        VALUE,
        options={"decision_leaf": True},
    )
    yield "isolation_forest", partial(
        matrix,
        ensemble.IsolationForest(n_estimators=4, random_state=0),
        None,
        opset={"": 18, "ai.onnx.ml": 3},
    )
    yield "isolation_forest_scores", partial(
        matrix,
        ensemble.IsolationForest(n_estimators=4, random_state=0),
        None,
        options={"score_samples": True},
        opset={"": 18, "ai.onnx.ml": 3},
    )
    yield "outlier_local", partial(matrix, neighbors.LocalOutlierFactor(novelty=True), None)

    # Calibration, several outputs, several labels.
    for method in ["sigmoid", "isotonic"]:
        for name, goal in [("binary", BINARY), ("multi", MULTI)]:
            yield f"calibrated_{method}_{name}", partial(
                matrix,
                calibration.CalibratedClassifierCV(bayes.GaussianNB(), method=method, cv=2),
                goal,
                options=no_map,
            )
    yield "calibrated_svc", partial(
        matrix, calibration.CalibratedClassifierCV(svm.LinearSVC(), cv=2), BINARY
    )
    yield "calibrated_forest", partial(
        matrix,
        calibration.CalibratedClassifierCV(ensemble.RandomForestClassifier(**small), cv=2),
        NAMES,
    )
    yield "ovr", partial(matrix, multiclass.OneVsRestClassifier(linear.LogisticRegression()), MULTI)
    yield "ovr_labels", partial(
        matrix, multiclass.OneVsRestClassifier(linear.LogisticRegression()), LABELS
    )
    yield "ovo", partial(matrix, multiclass.OneVsOneClassifier(linear.LogisticRegression()), MULTI)
    yield "output_code", partial(
        matrix,
        multiclass.OutputCodeClassifier(linear.LogisticRegression(), random_state=0),
        MULTI,
    )
    yield "multi_output_classifier", partial(
        matrix,
        multioutput.MultiOutputClassifier(linear.LogisticRegression()),
        LABELS,
        options=no_map,
    )
    yield "multi_output_classifier_double", partial(
        matrix,
        multioutput.MultiOutputClassifier(linear.LogisticRegression()),
        LABELS,
        double=True,
        options=no_map,
    )
    yield "multi_output_regressor", partial(
        matrix, multioutput.MultiOutputRegressor(linear.Ridge()), TWO
    )
    yield "multi_output_boosting", partial(
        matrix, multioutput.MultiOutputRegressor(ensemble.GradientBoostingRegressor(**small)), TWO
    )
    yield "regressor_chain", partial(matrix, multioutput.RegressorChain(linear.Ridge()), TWO)
    yield "multi_label_forest", partial(
        matrix, ensemble.RandomForestClassifier(**small), LABELS, options=no_map
    )
    yield "multi_label_tree", partial(
        matrix, tree.DecisionTreeClassifier(max_depth=3), LABELS, options=no_map
    )
    yield "multi_label_knn", partial(
        matrix, neighbors.KNeighborsClassifier(3), LABELS, options=no_map
    )
    yield "multi_label_mlp", partial(
        matrix,
        network.MLPClassifier((5,), max_iter=50, random_state=0),
        LABELS,
        options=no_map,
    )

    # Gaussian processes, neighbours, naive Bayes, neural networks, mixtures.
    kernels = gp.kernels
    for name, kernel in [
        ("rbf", kernels.RBF()),
        ("constant_rbf", kernels.ConstantKernel(2.0) * kernels.RBF(1.5) + kernels.WhiteKernel()),
        ("quadratic", kernels.RationalQuadratic()),
        ("sine", kernels.ExpSineSquared(1.0, 3.0)),
        ("dot", kernels.DotProduct() + kernels.WhiteKernel()),
        ("matern", kernels.Matern(nu=1.5)),
        ("pairwise", kernels.PairwiseKernel(metric="cosine")),
    ]:
        process = partial(
            gp.GaussianProcessRegressor, kernel, alpha=0.1, optimizer=None, random_state=0
        )
        yield f"gp_{name}", partial(matrix, process(), VALUE, rows=ROWS[:240], double=True)
    yield "gp_cdist", partial(
        matrix,
        gp.GaussianProcessRegressor(kernels.RBF(), alpha=0.1, optimizer=None),
        VALUE,
        double=True,
        options={"optim": "cdist"},
    )
    yield "neighbors_cdist", partial(
        matrix, neighbors.KNeighborsRegressor(4), VALUE, options={"optim": "cdist"}
    )
    yield "gp_rbf_float", partial(
        matrix, gp.GaussianProcessRegressor(kernels.RBF(), alpha=1.0, optimizer=None), VALUE
    )
    yield "gp_rbf_std", partial(
        matrix,
        gp.GaussianProcessRegressor(kernels.RBF(), alpha=0.1, optimizer=None),
        VALUE,
        double=True,
        options={"return_std": True},
    )
    for name, goal in [("binary", BINARY), ("multi", MULTI)]:
        yield f"gp_classifier_{name}", partial(
            matrix,
            gp.GaussianProcessClassifier(kernels.RBF(), optimizer=None, random_state=0),
            goal,
            double=True,
            options=no_map,
        )
    for name, model, goal in [
        ("classifier", neighbors.KNeighborsClassifier(5), NAMES),
        ("distance", neighbors.KNeighborsClassifier(5, weights="distance"), BINARY),
        ("manhattan", neighbors.KNeighborsClassifier(4, metric="manhattan"), MULTI),
        ("minkowski", neighbors.KNeighborsClassifier(4, p=3), MULTI),
        ("regressor", neighbors.KNeighborsRegressor(4), VALUE),
        ("regressor_distance", neighbors.KNeighborsRegressor(4, weights="distance"), VALUE),
        ("regressor_two", neighbors.KNeighborsRegressor(4), TWO),
        ("radius", neighbors.RadiusNeighborsRegressor(1.5), VALUE),
        ("radius_classifier", neighbors.RadiusNeighborsClassifier(2.5), MULTI),
        ("centroid", neighbors.NearestCentroid(), MULTI),
    ]:
        yield f"neighbors_{name}", partial(matrix, model, goal)
    yield "neighbors_transform", partial(matrix, neighbors.NearestNeighbors(n_neighbors=3, radius=None), None)
    yield "neighbors_imputer", partial(matrix, KNNImputer(), None, rows=HOLES)
    yield "neighbors_nca", partial(
        matrix, neighbors.NeighborhoodComponentsAnalysis(2, max_iter=5, random_state=0), MULTI
    )
    for name, model, rows in [
        ("gaussian", bayes.GaussianNB(), ROWS),
        ("bernoulli", bayes.BernoulliNB(), ROWS),
        ("bernoulli_threshold", bayes.BernoulliNB(binarize=0.4), ROWS),
        ("multinomial", bayes.MultinomialNB(), POSITIVE),
        ("complement", bayes.ComplementNB(), POSITIVE),
        (
            "categorical",
            bayes.CategoricalNB(),
            np.clip(np.round(POSITIVE * 2), 0, 4).astype(np.int64),
        ),
    ]:
        yield f"bayes_{name}", partial(matrix, model, MULTI, rows=rows)
    for activation in ["relu", "tanh", "logistic", "identity"]:
        layers = partial(
            network.MLPClassifier, (6, 4), activation, max_iter=40, random_state=0
        )
        yield f"mlp_{activation}", partial(matrix, layers(), MULTI)
    yield "mlp_binary", partial(
        matrix, network.MLPClassifier((5,), max_iter=40, random_state=0), WORDS
    )
    yield "mlp_regressor", partial(
        matrix, network.MLPRegressor(hidden_layer_sizes=(5,), max_iter=40, random_state=0), TWO
    )
    for kind in ["full", "tied", "diag", "spherical"]:
        yield f"mixture_{kind}", partial(
            matrix, mixture.GaussianMixture(3, covariance_type=kind, random_state=0), None
        )
    yield "mixture_bayesian", partial(
        matrix, mixture.BayesianGaussianMixture(n_components=3, random_state=0), None
    )
    yield "cluster_kmeans", partial(matrix, cluster.KMeans(3, n_init=1, random_state=0), None)
    yield "cluster_mini", partial(
        matrix, cluster.MiniBatchKMeans(3, n_init=1, random_state=0), None
    )

    # Transformers.
    for name, model in [
        ("standard", pre.StandardScaler()),
        ("minmax", pre.MinMaxScaler((-1, 2))),
        ("minmax_clip", pre.MinMaxScaler(clip=True)),
        ("maxabs", pre.MaxAbsScaler()),
        ("robust", pre.RobustScaler()),
        ("normalizer_l1", pre.Normalizer("l1")),
        ("normalizer_l2", pre.Normalizer("l2")),
        ("normalizer_max", pre.Normalizer("max")),
        ("binarizer", pre.Binarizer(threshold=0.2)),
        ("kbins_ordinal", pre.KBinsDiscretizer(4, encode="ordinal")),
        ("kbins_onehot", pre.KBinsDiscretizer(4, encode="onehot-dense")),
        ("polynomial", pre.PolynomialFeatures(3)),
        ("polynomial_interaction", pre.PolynomialFeatures(2, interaction_only=True)),
        ("power_yeo", pre.PowerTransformer()),
        ("quantile", pre.QuantileTransformer(n_quantiles=20, random_state=0)),
        ("spline", pre.SplineTransformer(n_knots=4)),
        ("pca", decomposition.PCA(2)),
        ("pca_whiten", decomposition.PCA(3, whiten=True)),
        ("incremental_pca", decomposition.IncrementalPCA(2)),
        ("truncated_svd", decomposition.TruncatedSVD(2)),
        ("fast_ica", decomposition.FastICA(2, random_state=0)),
        ("kernel_pca", decomposition.KernelPCA(2, kernel="rbf")),
        ("kernel_pca_poly", decomposition.KernelPCA(2, kernel="poly")),
        ("gaussian_projection", projection.GaussianRandomProjection(2, random_state=0)),
        ("nystroem", approximation.Nystroem(n_components=8, random_state=0)),
        ("rbf_sampler", approximation.RBFSampler(n_components=8, random_state=0)),
        ("variance", selection.VarianceThreshold(0.1)),
        ("kernel_centerer", pre.KernelCenterer()),
    ]:
        rows = ROWS[:40] @ ROWS[:40].T if name == "kernel_centerer" else ROWS
        yield f"transform_{name}", partial(matrix, model, None, rows=rows)
    yield "transform_power_box", partial(
        matrix, pre.PowerTransformer("box-cox"), None, rows=POSITIVE + 0.1
    )
    yield "transform_pca_double", partial(matrix, decomposition.PCA(2), None, double=True)
    yield "transform_quantile_double", partial(
        matrix, pre.QuantileTransformer(n_quantiles=20, random_state=0), None, double=True
    )
    yield "transform_lda_topics", partial(
        matrix,
        decomposition.LatentDirichletAllocation(3, max_iter=2, random_state=0),
        None,
        rows=POSITIVE,
    )
    for name, model in [
        ("k_best", selection.SelectKBest(k=2)),
        ("percentile", selection.SelectPercentile(percentile=50)),
        ("from_model", selection.SelectFromModel(linear.LogisticRegression(C=0.1))),
        ("rfe", selection.RFE(linear.LogisticRegression(), n_features_to_select=2)),
    ]:
        yield f"select_{name}", partial(matrix, model, BINARY)
    for name, model in [
        ("mean", SimpleImputer()),
        ("median", SimpleImputer(strategy="median")),
        ("constant", SimpleImputer(strategy="constant", fill_value=-7.0)),
        ("indicator", SimpleImputer(add_indicator=True)),
    ]:
        yield f"imputer_{name}", partial(matrix, model, None, rows=HOLES)
    city = FRAME[["city", "plan"]].to_numpy(dtype=object)
    unknown = city[:9].copy()
    unknown[2] = ["Oslo", "free"]
    yield "imputer_strings", partial(
        strings, SimpleImputer(strategy="most_frequent", missing_values=""), None, city
    )
    yield "onehot_strings", partial(strings, pre.OneHotEncoder(sparse_output=False), None, city)
    yield "onehot_unknown", partial(
        strings,
        pre.OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        None,
        city,
        test=unknown,
    )
    yield "onehot_drop", partial(
        strings, pre.OneHotEncoder(drop="first", sparse_output=False), None, city
    )
    yield "onehot_integers", partial(
        matrix,
        pre.OneHotEncoder(sparse_output=False),
        None,
        rows=np.clip(np.round(POSITIVE), 0, 3).astype(np.int64),
    )
    yield "ordinal_strings", partial(strings, pre.OrdinalEncoder(), None, city)
    yield "ordinal_unknown", partial(
        strings,
        pre.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        None,
        city,
        test=unknown,
    )
    yield "ordinal_integers", partial(
        matrix,
        pre.OrdinalEncoder(),
        None,
        rows=np.clip(np.round(POSITIVE), 0, 3).astype(np.int64),
    )
    yield "target_encoder", partial(strings, pre.TargetEncoder(random_state=0), CHURN, city)
    yield "label_encoder", label_encoder
    yield "label_binarizer", label_binarizer
    yield "dictionary", dictionaries
    yield "hasher", partial(strings, FeatureHasher(8, input_type="string"), None, city)

    # Mixed columns.
    for name, model in [
        ("logistic", linear.LogisticRegression(max_iter=500)),
        ("forest", ensemble.RandomForestClassifier(**small)),
        ("boosting", ensemble.GradientBoostingClassifier(**small)),
        ("svc", svm.SVC(probability=True, **svc)),
        ("knn", neighbors.KNeighborsClassifier(3)),
        ("mlp", network.MLPClassifier((4,), max_iter=60, random_state=0)),
    ]:
        yield f"mixed_{name}", partial(
            columns, mixed(model), frame=FRAME[NUMERIC + TEXT]
        )
    yield "mixed_passthrough", partial(
        columns,
        mixed(linear.LogisticRegression(max_iter=500), remainder="passthrough"),
    )
    yield "mixed_drop", partial(
        columns, mixed(tree.DecisionTreeClassifier(max_depth=3), remainder="drop")
    )
    ordinal = ColumnTransformer(
        [
            ("text", pre.OrdinalEncoder(), TEXT),
            ("bins", pre.KBinsDiscretizer(3, encode="ordinal"), NUMERIC),
            ("count", pre.MinMaxScaler(), INTEGER),
        ]
    )
    yield "mixed_ordinal", partial(
        columns, make_pipeline(ordinal, ensemble.RandomForestClassifier(**small))
    )
    yield "mixed_regression", partial(
        columns,
        mixed(linear.Ridge()),
        goal=FRAME["visits"].to_numpy(dtype=np.float64),
        frame=FRAME[NUMERIC + TEXT],
    )
    union = FeatureUnion([("pca", decomposition.PCA(2)), ("best", selection.SelectKBest(k=1))])
    yield "union", partial(
        matrix, make_pipeline(pre.StandardScaler(), union, svm.SVC()), BINARY
    )
    yield "pipeline_deep", partial(
        matrix,
        make_pipeline(
            SimpleImputer(),
            pre.PolynomialFeatures(2),
            pre.StandardScaler(),
            decomposition.PCA(5),
            linear.LogisticRegression(),
        ),
        NAMES,
        rows=HOLES,
    )

    # Texts.
    for name, model in [
        ("count", CountVectorizer()),
        ("count_ngrams", CountVectorizer(ngram_range=(1, 2))),
        ("count_stop", CountVectorizer(stop_words=["is", "the"])),
        ("count_case", CountVectorizer(lowercase=False)),
        ("count_binary", CountVectorizer(binary=True)),
        ("count_chars", CountVectorizer(analyzer="char", ngram_range=(1, 2))),
        ("tfidf", TfidfVectorizer()),
        ("tfidf_ngrams", TfidfVectorizer(ngram_range=(1, 3), sublinear_tf=True)),
        ("tfidf_l1", TfidfVectorizer(norm="l1", use_idf=False)),
        ("tfidf_pattern", TfidfVectorizer(token_pattern=r"[a-z]+")),
        ("tfidf_words", TfidfVectorizer(token_pattern=r"(?u)\b\w\w+\b", min_df=2)),
        ("hashing", HashingVectorizer(n_features=16)),
    ]:
        yield f"text_{name}", partial(text, model)
    yield "text_logistic", partial(
        text, make_pipeline(TfidfVectorizer(), linear.LogisticRegression()), SPAM
    )
    yield "text_bayes", partial(
        text, make_pipeline(CountVectorizer(), bayes.MultinomialNB()), SPAM
    )
    yield "text_svc", partial(
        text, make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), svm.SVC()), SPAM
    )
    yield "text_columns", partial(
        texts_beside_numbers,
        ColumnTransformer(
            [("text", TfidfVectorizer(), "text"), ("number", pre.StandardScaler(), ["number"])]
        ),
    )
    yield "text_svd", partial(
        text, make_pipeline(TfidfVectorizer(), decomposition.TruncatedSVD(3, random_state=0))
    )


def texts_beside_numbers(transformer):
    frame = pd.DataFrame({"text": TEXTS, "number": np.arange(len(TEXTS), dtype=np.float32)})
    model = make_pipeline(transformer, linear.LogisticRegression()).fit(frame, SPAM)
    columns = [("text", StringTensorType([None, 1])), ("number", FloatTensorType([None, 1]))]
    proto = convert_sklearn(model, initial_types=columns)
    return proto, {c: frame[[c]].to_numpy()[:8] for c in frame.columns}


def label_encoder():
    model = pre.LabelEncoder().fit(NAMES)
    proto = convert_sklearn(model, initial_types=[("X", StringTensorType([None]))])
    return proto, {"X": NAMES[:9].astype(object)}


def label_binarizer():
    model = pre.LabelBinarizer().fit(MULTI)
    proto = convert_sklearn(model, initial_types=[("X", Int64TensorType([None, 1]))])
    return proto, {"X": MULTI[:9].reshape(-1, 1)}
