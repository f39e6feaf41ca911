//! A file as it lies in a bucket when it is encrypted here: chunks of 64 KiB, each sealed with
//! AES-256-GCM as the STREAM construction has it, so that a cut, swapped or changed chunk is refused as
//! soon as it is read.
//!
//! Each file has a key of its own, derived from the data key, the file's path and the digest of its plain
//! text. So no nonce is used twice with a key; a file does not open in another's place, nor with
//! other content; and the same file gives the same bytes again, which lets a push go on.

use aead_stream::{NewStream, StreamBE32, StreamPrimitive, aead::Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use aws_call::DataKey;
use hmac::{Hmac, Mac};
use model_package::Digest;
use sha2::Sha256;
use zeroize::Zeroize;

/// What an encrypted file begins with.
pub(crate) const MAGIC: &[u8; 16] = b"samebits-aead/1\n";
/// Plain bytes of a chunk; the last one may have fewer.
pub(crate) const CHUNK: usize = 64 << 10;
/// What a chunk is longer by.
const TAG: usize = 16;
/// What is derived is for this and for nothing else.
const PURPOSE: &[u8] = b"samebits-file-key/1\0";

/// A file that was changed, cut, put together otherwise, or encrypted with another key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tampered;

/// How long a file of so many bytes is when it is encrypted.
pub(crate) fn sealed_size(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK as u64).max(1);
    let all = chunks.saturating_mul(TAG as u64).saturating_add(MAGIC.len() as u64);
    plain.saturating_add(all)
}

/// Encrypts a file; the same one gives the same bytes.
pub(crate) fn seal(key: &DataKey, path: &str, plain: &[u8]) -> Result<Vec<u8>, Tampered> {
    let stream = stream(key, path, &Digest::of(plain))?;
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / CHUNK * TAG + 64);
    sealed.extend_from_slice(MAGIC);
    let count = plain.len().div_ceil(CHUNK).max(1);
    for position in 0..count {
        let begin = position * CHUNK;
        let chunk = plain.get(begin..plain.len().min(begin + CHUNK)).unwrap_or_default();
        let payload = Payload { msg: chunk, aad: MAGIC };
        let position = u32::try_from(position).map_err(|_| Tampered)?;
        let last = position as usize + 1 == count;
        sealed.extend(stream.encrypt(position, last, payload).map_err(|_| Tampered)?);
    }
    Ok(sealed)
}

/// Decrypts a file whose bytes are all there.
pub(crate) fn open(
    key: &DataKey,
    path: &str,
    digest: &Digest,
    sealed: &[u8],
) -> Result<Vec<u8>, Tampered> {
    let mut opener = Opener::new(key, path, digest, sealed.len() as u64)?;
    opener.more(sealed)?;
    opener.finish()
}

/// Decrypts a file as its bytes come in, in pieces of any length.
pub(crate) struct Opener {
    stream: StreamBE32<Aes256Gcm>,
    position: u32,
    /// What is to come, of the bytes that are encrypted.
    left: u64,
    /// What came and was not opened yet: the beginning of a chunk, or of the magic.
    waiting: Vec<u8>,
    begun: bool,
    plain: Vec<u8>,
}

impl Opener {
    /// For a file with this path and digest, of which so many encrypted bytes will come.
    pub(crate) fn new(
        key: &DataKey,
        path: &str,
        digest: &Digest,
        sealed: u64,
    ) -> Result<Self, Tampered> {
        let capacity = usize::try_from(sealed).map_err(|_| Tampered)?;
        Ok(Self {
            stream: stream(key, path, digest)?,
            position: 0,
            left: sealed,
            waiting: Vec::with_capacity(CHUNK + TAG),
            begun: false,
            plain: Vec::with_capacity(capacity),
        })
    }

    /// Takes the next bytes.
    pub(crate) fn more(&mut self, mut bytes: &[u8]) -> Result<(), Tampered> {
        while !bytes.is_empty() {
            // Of what is left, some waits already.
            let whole = if self.begun { CHUNK + TAG } else { MAGIC.len() };
            let whole = usize::try_from(self.left).unwrap_or(usize::MAX).min(whole);
            let wanted = whole.saturating_sub(self.waiting.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(wanted).ok_or(Tampered)?;
            self.waiting.extend_from_slice(now);
            bytes = later;
            if self.waiting.len() < whole {
                return Ok(());
            }
            if whole == 0 {
                // More than there should be.
                return Err(Tampered);
            }
            self.left = self.left.saturating_sub(whole as u64);
            self.one()?;
        }
        Ok(())
    }

    /// Opens what waits, which is whole.
    fn one(&mut self) -> Result<(), Tampered> {
        if !self.begun {
            self.begun = self.waiting == MAGIC && self.left > 0;
            self.waiting.clear();
            return if self.begun { Ok(()) } else { Err(Tampered) };
        }
        let last = self.left == 0;
        let chunk = &mut self.waiting;
        let opened = self.stream.decrypt_in_place(self.position, last, MAGIC, chunk);
        opened.map_err(|_| Tampered)?;
        self.plain.append(chunk);
        self.position = self.position.checked_add(1).ok_or(Tampered)?;
        Ok(())
    }

    /// The file, once all of it came.
    pub(crate) fn finish(self) -> Result<Vec<u8>, Tampered> {
        if self.left > 0 || !self.begun {
            return Err(Tampered);
        }
        Ok(self.plain)
    }
}

/// The stream of a file, under a key of its own.
fn stream(key: &DataKey, path: &str, digest: &Digest) -> Result<StreamBE32<Aes256Gcm>, Tampered> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).map_err(|_| Tampered)?;
    mac.update(PURPOSE);
    mac.update(digest.as_bytes());
    mac.update(path.as_bytes());
    let mut derived = mac.finalize().into_bytes();
    let cipher = Aes256Gcm::new_from_slice(&derived).map_err(|_| Tampered);
    derived.as_mut_slice().zeroize();
    // The key is the file's alone, so the counter is all that has to differ.
    Ok(StreamBE32::from_aead(cipher?, &Default::default()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key() -> DataKey {
        DataKey::new([7; 32])
    }

    fn plain(length: usize) -> Vec<u8> {
        (0..length).map(|at| (at * 31 % 251) as u8).collect()
    }

    fn opened(sealed: &[u8], plain: &[u8]) -> Result<Vec<u8>, Tampered> {
        open(&key(), "model.onnx", &Digest::of(plain), sealed)
    }

    #[test]
    fn what_was_sealed_is_opened() {
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 5] {
            let plain = plain(length);
            let sealed = seal(&key(), "model.onnx", &plain).unwrap();
            assert_eq!(sealed.len() as u64, sealed_size(length as u64), "{length}");
            assert_eq!(sealed, seal(&key(), "model.onnx", &plain).unwrap());
            assert_eq!(opened(&sealed, &plain), Ok(plain), "{length}");
        }
    }

    #[test]
    fn the_form_does_not_change() {
        // What an earlier version wrote, this one reads. Computed with Python's hmac and cryptography.
        let sealed = seal(&key(), "model.onnx", b"abc").unwrap();
        assert_eq!(
            model_package::hex(sealed),
            "73616d65626974732d616561642f310a21ec4a38cf35f8611d981ea127fa68682cc334"
        );
    }

    #[test]
    fn no_change_is_accepted() {
        let plain = plain(2 * CHUNK + 100);
        let sealed = seal(&key(), "model.onnx", &plain).unwrap();
        let (one, two) = (MAGIC.len() + CHUNK + TAG, MAGIC.len() + 2 * (CHUNK + TAG));
        let refused = |changed: &[u8], what: &str| {
            assert_eq!(opened(changed, &plain), Err(Tampered), "{what}");
        };
        // Magic, text and tag of each chunk.
        for at in [0, 15, 16, 1000, one - TAG, one - 1, one, two - 1, two, sealed.len() - 1] {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            refused(&changed, &format!("byte {at}"));
        }
        for length in [0, 1, 16, 17, 32, one - 1, one, two, sealed.len() - TAG, sealed.len() - 1] {
            refused(&sealed[..length], &format!("{length} bytes"));
        }
        refused(&[&sealed[..], b"x"].concat(), "one byte more");
        refused(&[&sealed[..], &sealed[two..]].concat(), "the last chunk twice");
        let swapped = [&sealed[..16], &sealed[one..two], &sealed[16..one], &sealed[two..]];
        refused(&swapped.concat(), "two chunks swapped");
        refused(&[&sealed[..one], &sealed[two..]].concat(), "a chunk left out");
    }

    #[test]
    fn a_file_opens_with_its_own_key_path_and_digest_alone() {
        let (plain, other) = (plain(100), plain(101));
        let sealed = seal(&key(), "a", &plain).unwrap();
        let digest = Digest::of(&plain);
        assert!(open(&key(), "a", &digest, &sealed).is_ok());
        assert_eq!(open(&DataKey::new([8; 32]), "a", &digest, &sealed), Err(Tampered));
        assert_eq!(open(&key(), "b", &digest, &sealed), Err(Tampered));
        assert_eq!(open(&key(), "a", &Digest::of(&other), &sealed), Err(Tampered));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn pieces_of_any_length_are_as_good(
            length in 0..2 * CHUNK + 10,
            pieces in prop::collection::vec(1..CHUNK + 100, 1..20),
        ) {
            let plain = plain(length);
            let sealed = seal(&key(), "p", &plain).unwrap();
            let total = sealed.len() as u64;
            let mut opener = Opener::new(&key(), "p", &Digest::of(&plain), total).unwrap();
            let mut rest = &sealed[..];
            for piece in pieces.iter().cycle() {
                let (now, later) = rest.split_at((*piece).min(rest.len()));
                opener.more(now).unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            prop_assert_eq!(opener.finish().unwrap(), plain);
        }
    }
}
