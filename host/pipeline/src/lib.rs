//! Takes an operation through the policies to a backend; loads and swaps policy sets.
