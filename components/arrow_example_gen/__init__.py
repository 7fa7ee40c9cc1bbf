"""ArrowExampleGen: CSV and Parquet spans in, tf.Examples out, through Arrow and without Beam."""
