//! Certificates: whether a chain leads from a signer to a root that somebody trusts.
//!
//! webpki builds and checks the path (signatures, basic constraints, name constraints, validity).
//! What signing wants beyond that is checked here. As in the format's own tool, a path is judged as
//! of the moment from which the signer's certificate is valid: a signature has no time stamp, and a
//! model does not go bad when the certificate of its signer runs out.

use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, SignatureVerificationAlgorithm,
    TrustAnchor, UnixTime, alg_id,
};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_cert::Certificate;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{self, ExtendedKeyUsage, SubjectAltName};

use crate::{KeyError, PublicKey, pem};

/// The most certificates in one chain, or in one list of roots.
const MOST: usize = 16;
/// id-kp-codeSigning (RFC 5280, 4.2.1.12), as DER content.
const CODE_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x03];

/// Certificates in DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificates(Vec<CertificateDer<'static>>);

impl Certificates {
    /// Reads every certificate of a PEM text.
    ///
    /// # Errors
    /// If there is none, more than 16, or one can't be read.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let mut certificates = Vec::new();
        for block in pem::blocks(text, "CERTIFICATE") {
            if certificates.len() >= MOST {
                let message = format!("there are more than {MOST}");
                return Err(KeyError::Certificate { message });
            }
            let (_, document) = x509_cert::der::Document::from_pem(block)
                .map_err(|error| KeyError::Certificate { message: error.to_string() })?;
            parse(document.as_bytes())?;
            certificates.push(CertificateDer::from(document.as_bytes().to_vec()));
        }
        if certificates.is_empty() {
            return Err(KeyError::Missing { expected: "certificate" });
        }
        Ok(Self(certificates))
    }

    /// The certificates in DER.
    pub(crate) fn to_der(&self) -> impl Iterator<Item = Vec<u8>> {
        self.0.iter().map(|certificate| certificate.to_vec())
    }

    /// The public key of the first.
    pub(crate) fn first_key(&self) -> Result<PublicKey, KeyError> {
        let first = self.0.first().ok_or(KeyError::Missing { expected: "certificate" })?;
        key_of(&parse(first)?)
    }
}

/// Certificates that a chain may end in.
#[derive(Clone, Debug)]
pub struct Roots(Vec<TrustAnchor<'static>>);

impl Roots {
    /// Trusts every one of these certificates.
    ///
    /// # Errors
    /// If one can't be a root.
    pub fn new(certificates: &Certificates) -> Result<Self, KeyError> {
        let anchor = |certificate: &CertificateDer<'static>| {
            let anchor = anchor_from_trusted_cert(certificate)
                .map_err(|error| KeyError::Certificate { message: error.to_string() })?;
            Ok(anchor.to_owned())
        };
        Ok(Self(certificates.0.iter().map(anchor).collect::<Result<_, _>>()?))
    }
}

/// Somebody whose certificate leads to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certified {
    pub(crate) key: PublicKey,
    /// What the certificate calls them: e-mail addresses, URIs and domain names of its alternative
    /// names, and the common name.
    pub(crate) names: Vec<String>,
}

/// Checks a chain, the signer's certificate first.
///
/// # Errors
/// In words.
pub(crate) fn check(chain: &[Vec<u8>], roots: &Roots) -> Result<Certified, String> {
    if chain.len() > MOST {
        return Err(format!("there are more than {MOST}"));
    }
    let (first, rest) = chain.split_first().ok_or("there are none")?;
    let certificate = parse(first).map_err(|error| error.to_string())?;
    let began = certificate.tbs_certificate().validity().not_before.to_unix_duration();

    let first = CertificateDer::from(first.as_slice());
    let rest: Vec<_> = rest.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let entity = EndEntityCert::try_from(&first).map_err(refused)?;
    let path = entity
        .verify_for_usage(
            &[&P256_SHA256, &P256_SHA384, &P384_SHA256, &P384_SHA384, &ED25519],
            &roots.0,
            &rest,
            UnixTime::since_unix_epoch(began),
            KeyUsage::required_if_present(CODE_SIGNING),
            None,
            None,
        )
        .map_err(refused)?;
    for issuer in path.intermediate_certificates() {
        let issuer = parse(&issuer.der()).map_err(|error| error.to_string())?;
        let usage: Option<pkix::KeyUsage> = extension(&issuer)?;
        if usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err("an intermediate certificate may not sign certificates".into());
        }
    }
    may_sign(&certificate)?;
    let key = key_of(&certificate).map_err(|error| error.to_string())?;
    Ok(Certified { key, names: names(&certificate)? })
}

fn refused(error: webpki::Error) -> String {
    match error {
        webpki::Error::UnknownIssuer => {
            "they do not lead to a root certificate of the policy".into()
        }
        error => error.to_string(),
    }
}

/// A certificate is for signing if its key usage, or its extended key usage, says so.
fn may_sign(certificate: &Certificate) -> Result<(), String> {
    let usage: Option<pkix::KeyUsage> = extension(certificate)?;
    let extended: Option<ExtendedKeyUsage> = extension(certificate)?;
    // What the extended usage says beside code signing, webpki has refused already.
    if usage.is_some_and(|usage| usage.digital_signature()) || extended.is_some() {
        return Ok(());
    }
    Err("the signer's certificate is not for digital signatures or code signing".into())
}

fn names(certificate: &Certificate) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    let alternative: Option<SubjectAltName> = extension(certificate)?;
    for name in alternative.iter().flat_map(|names| &names.0) {
        match name {
            GeneralName::Rfc822Name(text)
            | GeneralName::DnsName(text)
            | GeneralName::UniformResourceIdentifier(text) => names.push(text.as_str().to_owned()),
            _ => {}
        }
    }
    if let Ok(Some(name)) = certificate.tbs_certificate().subject().common_name() {
        names.push(name.value().into_owned());
    }
    Ok(names)
}

fn extension<T>(certificate: &Certificate) -> Result<Option<T>, String>
where
    T: for<'a> x509_cert::der::Decode<'a, Error = x509_cert::der::Error>
        + x509_cert::der::oid::AssociatedOid,
{
    let found = certificate.tbs_certificate().get_extension::<T>();
    Ok(found.map_err(|error| error.to_string())?.map(|(_, extension)| extension))
}

fn parse(der: &[u8]) -> Result<Certificate, KeyError> {
    Certificate::from_der(der).map_err(|error| KeyError::Certificate { message: error.to_string() })
}

fn key_of(certificate: &Certificate) -> Result<PublicKey, KeyError> {
    let info = certificate.tbs_certificate().subject_public_key_info();
    let der =
        info.to_der().map_err(|error| KeyError::Certificate { message: error.to_string() })?;
    PublicKey::from_der(&der)
}

/// Checks a signature: key, message, signature.
type Verify = fn(&[u8], &[u8], &[u8]) -> Option<()>;

/// An algorithm that certificates are signed with.
#[derive(Debug)]
struct Algorithm {
    key: AlgorithmIdentifier,
    signature: AlgorithmIdentifier,
    verify: Verify,
}

impl SignatureVerificationAlgorithm for Algorithm {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        (self.verify)(public_key, message, signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

static P256_SHA256: Algorithm = Algorithm {
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA256,
    verify: |key, message, signature| {
        p256(key, &<sha2::Sha256 as sha2::Digest>::digest(message), signature)
    },
};
static P256_SHA384: Algorithm = Algorithm {
    key: alg_id::ECDSA_P256,
    signature: alg_id::ECDSA_SHA384,
    verify: |key, message, signature| {
        p256(key, &<sha2::Sha384 as sha2::Digest>::digest(message), signature)
    },
};
static P384_SHA256: Algorithm = Algorithm {
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA256,
    verify: |key, message, signature| {
        p384(key, &<sha2::Sha256 as sha2::Digest>::digest(message), signature)
    },
};
static P384_SHA384: Algorithm = Algorithm {
    key: alg_id::ECDSA_P384,
    signature: alg_id::ECDSA_SHA384,
    verify: |key, message, signature| {
        p384(key, &<sha2::Sha384 as sha2::Digest>::digest(message), signature)
    },
};
static ED25519: Algorithm = Algorithm {
    key: alg_id::ED25519,
    signature: alg_id::ED25519,
    verify: |key, message, signature| {
        let key = ed25519_dalek::VerifyingKey::from_bytes(key.try_into().ok()?).ok()?;
        let signature = ed25519_dalek::Signature::from_slice(signature).ok()?;
        key.verify_strict(message, &signature).ok()
    },
};

fn p256(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p256::ecdsa::DerSignature::from_bytes(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}

fn p384(key: &[u8], digest: &[u8], signature: &[u8]) -> Option<()> {
    use p384::ecdsa::signature::hazmat::PrehashVerifier as _;
    let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?;
    let signature = p384::ecdsa::DerSignature::from_bytes(signature).ok()?;
    key.verify_prehash(digest, &signature).ok()
}
