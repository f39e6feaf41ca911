//! Which resource a path names, and with which methods.

use http::Method;

use crate::problem::{Kind, Problem};

/// A path that is one.
#[derive(Debug)]
pub(crate) struct Route<'a> {
    pub(crate) resource: Resource<'a>,
}

/// What a path names. Models are named by what stands in the path, known or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resource<'a> {
    Index,
    Live,
    Ready,
    Metadata,
    Models,
    Model(&'a str),
    OpenApi,
    /// The default model, or the one of this name.
    Predict(Option<&'a str>),
    InferenceServer,
    InferenceLive,
    InferenceReady,
    /// A model's name, and a version.
    InferenceModel(&'a str, Option<&'a str>),
    InferenceModelReady(&'a str, Option<&'a str>),
    Infer(&'a str, Option<&'a str>),
}

const READ: &str = "GET, HEAD, OPTIONS";
const POST: &str = "POST, OPTIONS";

impl<'a> Route<'a> {
    /// # Errors
    /// 404 for a path that names nothing.
    pub(crate) fn of(path: &'a str) -> Result<Self, Problem> {
        let trimmed = path.trim_matches('/');
        let mut parts = [""; 7];
        let mut count = 0;
        for part in trimmed.split('/') {
            let Some(place) = parts.get_mut(count) else { return Err(unknown(path)) };
            *place = part;
            count += 1;
        }
        let resource = match parts.get(..count).unwrap_or_default() {
            [""] => Resource::Index,
            ["health", "live"] => Resource::Live,
            ["health", "ready"] => Resource::Ready,
            ["metadata"] => Resource::Metadata,
            ["models"] => Resource::Models,
            ["models", name] => Resource::Model(name),
            ["models", name, "predict"] => Resource::Predict(Some(name)),
            ["openapi.json"] => Resource::OpenApi,
            ["predict"] => Resource::Predict(None),
            ["v2"] => Resource::InferenceServer,
            ["v2", "health", "live"] => Resource::InferenceLive,
            ["v2", "health", "ready"] => Resource::InferenceReady,
            ["v2", "models", name] => Resource::InferenceModel(name, None),
            ["v2", "models", name, "ready"] => Resource::InferenceModelReady(name, None),
            ["v2", "models", name, "infer"] => Resource::Infer(name, None),
            ["v2", "models", name, "versions", version] => {
                Resource::InferenceModel(name, Some(version))
            }
            ["v2", "models", name, "versions", version, "ready"] => {
                Resource::InferenceModelReady(name, Some(version))
            }
            ["v2", "models", name, "versions", version, "infer"] => {
                Resource::Infer(name, Some(version))
            }
            _ => return Err(unknown(path)),
        };
        Ok(Self { resource })
    }

    /// The methods as the header `Allow` lists them.
    pub(crate) fn allowed(&self) -> &'static str {
        match self.resource {
            Resource::Predict(_) | Resource::Infer(..) => POST,
            _ => READ,
        }
    }

    /// # Errors
    /// 405, with the methods that there are.
    pub(crate) fn allows(&self, method: &Method) -> Result<(), Problem> {
        let allowed = self.allowed();
        if allowed.split(", ").any(|allowed| allowed == method.as_str()) {
            return Ok(());
        }
        let message = format!("{method} is not a method of this path; it has {allowed}");
        Err(Problem::new(Kind::MethodNotAllowed { allowed }, message))
    }

    /// Whether a client that takes no JSON is refused. Clients of the inference protocol and of
    /// health say nothing useful in `Accept`.
    pub(crate) fn answers_json_only(&self) -> bool {
        matches!(
            self.resource,
            Resource::Metadata
                | Resource::Models
                | Resource::Model(_)
                | Resource::OpenApi
                | Resource::Predict(_)
        )
    }
}

fn unknown(path: &str) -> Problem {
    let shown: String = path.chars().take(200).collect();
    let message = format!("there is no {shown}; /openapi.json lists what there is");
    Problem::new(Kind::NotFound, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_resources() {
        let check = |path: &str, expected: Option<Resource>| {
            assert_eq!(Route::of(path).ok().map(|route| route.resource), expected, "{path}");
        };
        check("/", Some(Resource::Index));
        check("", Some(Resource::Index));
        check("/predict", Some(Resource::Predict(None)));
        check("/predict/", Some(Resource::Predict(None)));
        check("/models/fraud/predict", Some(Resource::Predict(Some("fraud"))));
        check("/models/fraud", Some(Resource::Model("fraud")));
        check("/v2", Some(Resource::InferenceServer));
        check("/v2/models/m/ready", Some(Resource::InferenceModelReady("m", None)));
        check("/v2/models/m/versions/1.0.0", Some(Resource::InferenceModel("m", Some("1.0.0"))));
        check("/v2/models/m/versions/1/infer", Some(Resource::Infer("m", Some("1"))));
        for path in ["/nothing", "/predict/x", "/v2/models", "/health", "/a/b/c/d/e/f/g/h/i"] {
            check(path, None);
        }
    }

    #[test]
    fn methods_that_are_none_are_refused() {
        let check = |method: Method, path: &str, allowed: bool| {
            let found = Route::of(path).and_then(|route| route.allows(&method));
            assert_eq!(found.is_ok(), allowed, "{method} {path}");
        };
        check(Method::POST, "/predict", true);
        check(Method::GET, "/predict", false);
        check(Method::HEAD, "/metadata", true);
        check(Method::POST, "/metadata", false);
        check(Method::DELETE, "/v2/models/m/infer", false);
    }
}
