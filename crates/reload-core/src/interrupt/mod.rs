//! Runs of code that have to end, as far as that is a matter of time and states. Raises no exception: the caller does what
//! [`run::Run::attend`] says.

pub mod run;
