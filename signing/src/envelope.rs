//! The sigstore bundle (v0.3, JSON) with its DSSE envelope: the outer form of a signature.
//!
//! The bundle says how it can be checked, but is itself not signed; so nothing is read from it that
//! the form does not have, and the payload is opened only after it was verified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use model_package::strict_json;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{SIGNATURE_BYTES, SignatureError};

const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// What an envelope with a statement says of its payload.
pub(crate) const STATEMENT: &str = "application/vnd.in-toto+json";

/// A signature, taken apart and not yet checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    /// What the payload is; the signature covers it.
    pub(crate) payload_type: &'static str,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
    pub(crate) material: Material,
}

/// What it is to be checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// A key that the verifier has; older signatures don't say which.
    Key { hint: Option<String> },
    /// Certificates in DER, the signer's first.
    Certificates(Vec<Vec<u8>>),
}

/// What is signed: the payload with its type (DSSE's pre-authentication encoding).
pub(crate) fn message(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut message =
        format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    message.extend_from_slice(payload);
    message
}

impl Envelope {
    /// What is signed.
    pub(crate) fn message(&self) -> Vec<u8> {
        message(self.payload_type, &self.payload)
    }

    /// Reads a bundle whose payload is of this type.
    pub(crate) fn parse(bytes: &[u8], payload_type: &'static str) -> Result<Self, SignatureError> {
        if bytes.len() as u64 > SIGNATURE_BYTES {
            return Err(SignatureError::TooLarge { limit: SIGNATURE_BYTES });
        }
        let bundle: Bundle = strict_json::from_slice(bytes).map_err(SignatureError::Bundle)?;
        if bundle.media_type != MEDIA_TYPE {
            let found = shortened(&bundle.media_type);
            return Err(SignatureError::MediaType { found, expected: MEDIA_TYPE });
        }
        let envelope = bundle.dsse_envelope;
        if envelope.payload_type != payload_type {
            let found = shortened(&envelope.payload_type);
            return Err(SignatureError::PayloadType { found, expected: payload_type });
        }
        let [signature] = envelope.signatures.as_slice() else {
            return Err(SignatureError::Count { found: envelope.signatures.len() });
        };
        Ok(Self {
            payload_type,
            payload: decode(&envelope.payload, "payload")?,
            signature: decode(&signature.sig, "sig")?,
            material: bundle.verification_material.read()?,
        })
    }

    /// Writes a bundle.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let mut material = VerificationMaterial::default();
        match &self.material {
            Material::Key { hint } => {
                material.public_key =
                    Some(KeyIdentifier { hint: hint.clone(), ..Default::default() });
            }
            Material::Certificates(chain) => {
                let certificate =
                    |der: &Vec<u8>| RawCertificate { raw_bytes: STANDARD.encode(der) };
                let certificates = chain.iter().map(certificate).collect();
                material.x509_certificate_chain = Some(Chain { certificates });
            }
        }
        let bundle = Bundle {
            media_type: MEDIA_TYPE.into(),
            verification_material: material,
            dsse_envelope: Dsse {
                payload: STANDARD.encode(&self.payload),
                payload_type: self.payload_type.into(),
                signatures: vec![DsseSignature {
                    sig: STANDARD.encode(&self.signature),
                    keyid: String::new(),
                }],
            },
        };
        let mut text = serde_json::to_vec(&bundle).unwrap_or_default();
        text.push(b'\n');
        text
    }
}

fn decode(text: &str, part: &'static str) -> Result<Vec<u8>, SignatureError> {
    STANDARD.decode(text).map_err(|_| SignatureError::Base64 { part })
}

/// As much of a text as a message should quote.
pub(crate) fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Bundle {
    media_type: String,
    verification_material: VerificationMaterial,
    dsse_envelope: Dsse,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VerificationMaterial {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public_key: Option<KeyIdentifier>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    x509_certificate_chain: Option<Chain>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    certificate: Option<RawCertificate>,
    /// Transparency logs and time stamps, which signatures by key or certificate have none of.
    #[serde(default)]
    tlog_entries: Vec<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp_verification_data: Option<Value>,
}

impl VerificationMaterial {
    fn read(self) -> Result<Material, SignatureError> {
        let chain = match (self.public_key, self.x509_certificate_chain, self.certificate) {
            (Some(key), None, None) => {
                return Ok(Material::Key { hint: key.hint.filter(|hint| !hint.is_empty()) });
            }
            (None, Some(chain), None) => chain.certificates,
            (None, None, Some(certificate)) => vec![certificate],
            _ => return Err(SignatureError::Material),
        };
        let decoded = chain.iter().map(|one| decode(&one.raw_bytes, "certificate"));
        Ok(Material::Certificates(decoded.collect::<Result<_, _>>()?))
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct KeyIdentifier {
    #[serde(default)]
    hint: Option<String>,
    /// Older signatures carry the key itself; only the verifier's own counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    raw_bytes: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_details: Option<Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    certificates: Vec<RawCertificate>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawCertificate {
    raw_bytes: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Dsse {
    payload: String,
    payload_type: String,
    signatures: Vec<DsseSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DsseSignature {
    sig: String,
    #[serde(default)]
    keyid: String,
}
