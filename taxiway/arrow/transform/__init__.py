"""Transform: tf.Transform's analyzers and graph, run over shards of examples without Beam."""
