//! KMS: data keys, new ones and such as were wrapped before.
//!
//! A data key is wiped from memory when it is dropped, and never shown. What hyper and the system read
//! it through is theirs.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Value, json};
use zeroize::{Zeroize, Zeroizing};

use crate::client::{Client, Patience};
use crate::{AwsError, KMS};

/// Bytes of a data key.
const BYTES: usize = 32;

/// A key of 256 bits for data.
#[derive(Clone)]
pub struct DataKey(Zeroizing<[u8; BYTES]>);

impl DataKey {
    /// A key of these bytes.
    #[must_use]
    pub fn new(bytes: [u8; BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8; BYTES] {
        &self.0
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(…)")
    }
}

/// A new data key.
#[derive(Clone, Debug)]
pub struct NewDataKey {
    /// In plain text.
    pub key: DataKey,
    /// As only KMS can read it.
    pub wrapped: Vec<u8>,
    /// The ARN of the key that wraps it.
    pub kms_key: String,
}

/// What a data key is for: KMS unwraps it for nothing else, and writes it into its log.
pub type EncryptionContext = BTreeMap<&'static str, String>;

impl Client {
    /// Has KMS make a data key.
    ///
    /// # Errors
    /// If KMS refuses it or can't be reached.
    pub async fn generate_data_key(
        &self,
        kms_key: &str,
        context: &EncryptionContext,
        patience: Patience,
    ) -> Result<NewDataKey, AwsError> {
        const ACTION: &str = "GenerateDataKey";
        let call = json!({"KeyId": kms_key, "KeySpec": "AES_256", "EncryptionContext": context});
        let mut answer = self.secret(ACTION, &call, patience).await?;
        let key = data_key(&mut answer).ok_or_else(|| strange(ACTION))?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str);
        let wrapped = text("CiphertextBlob").and_then(|text| STANDARD.decode(text).ok());
        let (Some(wrapped), Some(kms_key)) = (wrapped, text("KeyId")) else {
            return Err(strange(ACTION));
        };
        Ok(NewDataKey { key, wrapped, kms_key: kms_key.to_owned() })
    }

    /// Has KMS unwrap a data key.
    ///
    /// # Errors
    /// If KMS refuses it, as for another key or context, or can't be reached.
    pub async fn decrypt_data_key(
        &self,
        wrapped: &[u8],
        kms_key: &str,
        context: &EncryptionContext,
        patience: Patience,
    ) -> Result<DataKey, AwsError> {
        const ACTION: &str = "Decrypt";
        let wrapped = STANDARD.encode(wrapped);
        let call =
            json!({"CiphertextBlob": wrapped, "KeyId": kms_key, "EncryptionContext": context});
        let mut answer = self.secret(ACTION, &call, patience).await?;
        data_key(&mut answer).ok_or_else(|| strange(ACTION))
    }

    /// A call whose answer is wiped once it was parsed.
    async fn secret(
        &self,
        action: &str,
        call: &Value,
        patience: Patience,
    ) -> Result<Value, AwsError> {
        let answer = self.json_bytes(KMS, action, call, patience).await?;
        let parsed = serde_json::from_slice(&answer);
        wipe(answer);
        parsed.map_err(|_| strange(action))
    }
}

/// Takes the key in plain text out of an answer.
fn data_key(answer: &mut Value) -> Option<DataKey> {
    let Value::String(text) = answer.get_mut("Plaintext")?.take() else { return None };
    let text = Zeroizing::new(text);
    let bytes = Zeroizing::new(STANDARD.decode(text.as_bytes()).ok()?);
    let mut key = Zeroizing::new([0; BYTES]);
    if bytes.len() != key.len() {
        return None;
    }
    key.copy_from_slice(&bytes);
    Some(DataKey(key))
}

fn wipe(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.as_mut().zeroize();
    }
}

/// An answer that is none, without a word of what is in it.
fn strange(action: &str) -> AwsError {
    AwsError::Unreachable {
        service: KMS.name,
        action: action.to_owned(),
        reason: "the answer has no data key".into(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_taken_out_and_never_shown() {
        let text = STANDARD.encode([7; 32]);
        let mut answer = json!({"Plaintext": text});
        let key = data_key(&mut answer).unwrap();
        assert_eq!(key.expose(), &[7; 32]);
        assert_eq!(answer, json!({"Plaintext": null}));
        assert_eq!(format!("{key:?}"), "DataKey(…)");
        let new = NewDataKey { key, wrapped: vec![1], kms_key: "arn".into() };
        assert!(!format!("{new:?}").contains("7, 7"));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for answer in [
            json!({}),
            json!({"Plaintext": 7}),
            json!({"Plaintext": "?"}),
            json!({"Plaintext": STANDARD.encode([7; 16])}),
            json!({"Plaintext": STANDARD.encode([7; 33])}),
        ] {
            assert!(data_key(&mut answer.clone()).is_none(), "{answer}");
        }
    }
}
