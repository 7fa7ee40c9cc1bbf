"""A preprocessing_fn that uses what tf.Transform can analyse without Beam; given by path."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Analyzers of every kind, and some that need the results of others."""
    number = tf.sparse.to_dense(
        tf.SparseTensor(
            inputs["number"].indices, inputs["number"].values, [inputs["number"].dense_shape[0], 1]
        ),
        default_value=3.0,
    )
    count = tf.cast(inputs["count"], tf.float32)
    text = tf.sparse.to_dense(
        tf.SparseTensor(
            inputs["text"].indices, inputs["text"].values, [inputs["text"].dense_shape[0], 1]
        ),
        default_value="none",
    )
    key = tf.reshape(text, [-1])
    flat = tf.reshape(count, [-1])
    scaled = tft.scale_to_z_score(number)
    both = tf.concat([number, count], axis=1)
    tft.vocabulary(inputs["many"], vocab_filename="stored", store_frequency=True)
    outputs = {
        "z": scaled,
        "again": tft.scale_to_0_1(scaled * scaled),  # a second pass
        "minmax": tft.scale_by_min_max(count, output_min=-1.0, output_max=1.0),
        "by_key": tf.reshape(tft.scale_to_z_score_per_key(flat, key), [-1, 1]),
        "range_by_key": tf.reshape(tft.scale_to_0_1_per_key(flat, key), [-1, 1]),
        "bucket": tft.bucketize(number, 5),
        "bucket_by_key": tf.reshape(tft.bucketize_per_key(flat, key, 3), [-1, 1]),
        "vocabulary": tft.compute_and_apply_vocabulary(text, num_oov_buckets=1),
        "many": tft.compute_and_apply_vocabulary(inputs["many"], top_k=3, default_value=-1),
        "often": tft.compute_and_apply_vocabulary(
            inputs["many"], frequency_threshold=120, vocab_filename="often"
        ),
        "weighted": tft.compute_and_apply_vocabulary(
            text, weights=inputs["weight"], vocab_filename="weighted"
        ),
        "integers": tft.compute_and_apply_vocabulary(inputs["count"], vocab_filename="integers"),
        "nothing": tft.compute_and_apply_vocabulary(
            tf.strings.as_string(inputs["empty"].values), vocab_filename="nothing"
        )[:0],
        "shuffled": tft.compute_and_apply_vocabulary(
            text, fingerprint_shuffle=True, vocab_filename="shuffled"
        ),
        "records": tft.compute_and_apply_vocabulary(
            text, file_format="tfrecord_gzip", vocab_filename="records"
        ),
        "components": tf.matmul(both, tft.pca(both, 2, dtype=tf.float32)),
        "size": tf.zeros_like(count) + tf.cast(tft.size(number), tf.float32),
        "most": tf.zeros_like(count) + tft.max(count),
        "label": inputs["label"],
    }
    outputs.pop("nothing")
    return outputs
