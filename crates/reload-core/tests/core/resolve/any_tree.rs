//! The fuzzer's target with random bytes, so that it is built and true whenever tests run.

use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// What a name is found as is what Python's finder says, in the directories alone, and each change is seen.
    #[test]
    fn any_bytes_make_a_tree_that_is_searched_as_python_does(data in prop::collection::vec(any::<u8>(), 0..96)) {
        any_tree::check(&data);
    }
}
