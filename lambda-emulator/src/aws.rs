//! Calls of an AWS-compatible endpoint: JSON, query and REST requests, signed with Signature
//! Version 4.
//!
//! Only `aws-sigv4` comes from the SDK. The clients themselves would take minutes to compile, and
//! the emulator needs a dozen calls.

use std::time::SystemTime;

use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::{Method, Request, Response, header};
use serde_json::Value;

use crate::error::Error;
use crate::http_client::HttpClient;
use crate::options::Aws;

#[derive(Debug)]
pub(crate) struct AwsClient {
    http: HttpClient,
    endpoint: String,
    credentials: aws_credential_types::Credentials,
    region: String,
}

/// A service with a JSON protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JsonService {
    /// As in the signature's scope.
    pub(crate) name: &'static str,
    /// What `X-Amz-Target` begins with.
    pub(crate) target: &'static str,
    pub(crate) content_type: &'static str,
}

pub(crate) const SQS: JsonService =
    JsonService { name: "sqs", target: "AmazonSQS", content_type: "application/x-amz-json-1.0" };
pub(crate) const KINESIS: JsonService = JsonService {
    name: "kinesis",
    target: "Kinesis_20131202",
    content_type: "application/x-amz-json-1.1",
};
pub(crate) const DYNAMODB: JsonService = JsonService {
    name: "dynamodb",
    target: "DynamoDB_20120810",
    content_type: "application/x-amz-json-1.0",
};
pub(crate) const DYNAMODB_STREAMS: JsonService = JsonService {
    name: "dynamodb",
    target: "DynamoDBStreams_20120810",
    content_type: "application/x-amz-json-1.0",
};
pub(crate) const EVENTS: JsonService =
    JsonService { name: "events", target: "AWSEvents", content_type: "application/x-amz-json-1.1" };

impl AwsClient {
    pub(crate) fn new(aws: &Aws, region: &str) -> Self {
        let credentials = aws_credential_types::Credentials::new(
            &aws.credentials.access_key_id,
            &aws.credentials.secret_access_key,
            aws.credentials.session_token.clone(),
            None,
            "lambda-emulator",
        );
        let endpoint = aws.endpoint.trim_end_matches('/').to_owned();
        Self { http: HttpClient::new(), endpoint, credentials, region: region.to_owned() }
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
        let headers = [
            ("content-type", service.content_type.to_owned()),
            ("x-amz-target", format!("{}.{action}", service.target)),
        ];
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
        let request = self
            .signed(service, method, path, headers, body)
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

    fn signed(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, String)],
        body: Bytes,
    ) -> Result<Request<Bytes>, String> {
        let uri = format!("{}{path}", self.endpoint);
        let identity = self.credentials.clone().into();
        let settings = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let borrowed = headers.iter().map(|(name, value)| (*name, value.as_str()));
        let signable =
            SignableRequest::new(method.as_str(), &uri, borrowed, SignableBody::Bytes(&body))
                .map_err(|error| error.to_string())?;
        let (instructions, _) =
            sign(signable, &settings).map_err(|error| error.to_string())?.into_parts();
        let mut request = Request::builder().method(method.clone()).uri(&uri);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let mut request = request
            .header(header::CONTENT_LENGTH, body.len())
            .body(body)
            .map_err(|it| it.to_string())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }

    fn unreachable(&self, reason: String) -> Error {
        Error::Endpoint { endpoint: self.endpoint.clone(), reason }
    }
}
