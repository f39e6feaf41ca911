//! Randomness, which the component does not have.
//!
//! Hash maps of the tokenizer ask `getrandom` for the seeds of their hashes. The component imports
//! nothing, so there is nowhere to get entropy from; they get fixed bytes. What a hash map holds does
//! not depend on its seed, and with a fixed one the whole memory is the same wherever a model runs.
//! Hostile keys that collide on purpose cost one instance time, which its host bounds.

/// What `getrandom` calls on a target that it does not know
/// (<https://docs.rs/getrandom/0.4/getrandom/#custom-backend>).
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "the name and signature are getrandom's contract")]
extern "Rust" fn __getrandom_v03_custom(
    destination: *mut u8,
    length: usize,
) -> Result<(), getrandom::Error> {
    // SAFETY: the caller gives `length` bytes that it may write to, as the contract says.
    unsafe { destination.write_bytes(0x5a, length) };
    Ok(())
}
