//! Calls of an AWS-compatible endpoint: JSON, query and REST requests.

pub(crate) use aws_call::{DYNAMODB, DYNAMODB_STREAMS, EVENTS, KINESIS, SQS};
use aws_call::{JsonService, Signer};
use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::Value;

use crate::error::Error;
use crate::http_client::HttpClient;
use crate::options::Aws;

#[derive(Debug)]
pub(crate) struct AwsClient {
    http: HttpClient,
    endpoint: String,
    signer: Signer,
}

impl AwsClient {
    pub(crate) fn new(aws: &Aws, region: &str) -> Self {
        let keys = &aws.credentials;
        let token = keys.session_token.clone();
        let signer = Signer::new(&keys.access_key_id, &keys.secret_access_key, token, region);
        let endpoint = aws.endpoint.trim_end_matches('/').to_owned();
        Self { http: HttpClient::new(), endpoint, signer }
    }

    /// Whether anything answers at the endpoint.
    pub(crate) async fn check(&self) -> Result<(), Error> {
        let request = Request::get(format!("{}/", self.endpoint)).body(Bytes::new());
        let request = request.map_err(|error| self.unreachable(error.to_string()))?;
        self.http.send(request).await.map(drop).map_err(|reason| self.unreachable(reason))
    }

    /// A JSON call, as in `AmazonSQS.ReceiveMessage`.
    pub(crate) async fn json(
        &self,
        service: JsonService,
        action: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let headers = service.headers(action);
        let body = Bytes::from(body.to_string());
        let answer = self.send(service.name, action, Method::POST, "/", &headers, body).await?;
        if answer.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&answer).map_err(|error| Error::Service {
            service: service.name,
            action: action.to_owned(),
            status: 200,
            message: error.to_string(),
        })
    }

    /// A call of SNS, which speaks forms and XML.
    pub(crate) async fn sns(&self, action: &str, fields: &[(&str, &str)]) -> Result<Bytes, Error> {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", action)
            .append_pair("Version", "2010-03-31")
            .extend_pairs(fields)
            .finish();
        let headers = [("content-type", "application/x-www-form-urlencoded".to_owned())];
        self.send("sns", action, Method::POST, "/", &headers, form.into()).await
    }

    /// A call of S3.
    pub(crate) async fn s3(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Error> {
        let action = format!("{method} {path}");
        self.send("s3", &action, method, path, &[], body).await
    }

    async fn send(
        &self,
        service: &'static str,
        action: &str,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Bytes, Error> {
        let uri = format!("{}{path}", self.endpoint);
        let request = self
            .signer
            .sign(service, &method, &uri, headers, body)
            .map_err(|reason| self.unreachable(reason))?;
        let response: Response<Bytes> =
            self.http.send(request).await.map_err(|reason| self.unreachable(reason))?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok(body);
        }
        let message: String = String::from_utf8_lossy(&body).chars().take(500).collect();
        let status = parts.status.as_u16();
        Err(Error::Service { service, action: action.to_owned(), status, message })
    }

    fn unreachable(&self, reason: String) -> Error {
        Error::Endpoint { endpoint: self.endpoint.clone(), reason }
    }
}
