"""The generic preprocessing_fn: a FeatureSpec in, tf.Transform's analyzers and graph out."""

from taxiway.modeling.preprocessing.graph import preprocessing_fn, transform

__all__ = ["preprocessing_fn", "transform"]
