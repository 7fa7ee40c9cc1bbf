"""A model folder for tests of the machine room: will a parcel be delayed? Its rows are made up."""
