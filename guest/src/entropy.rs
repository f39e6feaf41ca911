//! Randomness, which the component does not have.
//!
//! tract links `getrandom` for operators that draw random numbers (RandomNormal, Multinomial). The
//! component imports nothing, so there is nowhere to get entropy from: asking for it is an error,
//! and such an operator must carry its own seed.

/// What `getrandom` calls on a target that it does not know
/// (<https://docs.rs/getrandom/0.4/getrandom/#custom-backend>).
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "the name and signature are getrandom's contract")]
extern "Rust" fn __getrandom_v03_custom(
    _destination: *mut u8,
    _length: usize,
) -> Result<(), getrandom::Error> {
    Err(getrandom::Error::UNSUPPORTED)
}
