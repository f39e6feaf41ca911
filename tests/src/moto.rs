//! moto's server: a stand-in for AWS's services.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lambda_emulator::{Aws, Credentials};
use serde_json::Value;

use crate::{root, tool_is_there};

/// The server on a free port; ends when dropped.
#[derive(Debug)]
pub struct Moto {
    server: Child,
    endpoint: String,
}

fn python() -> PathBuf {
    root().join("target/tools/python/bin/python")
}

impl Moto {
    /// Starts it; `None` where it is not installed.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let program = python().with_file_name("moto_server");
        if !tool_is_there("moto's server", program.is_file()) {
            return None;
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let server = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("moto's server");
        let moto = Self { server, endpoint: format!("http://{address}") };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert!(began.elapsed() < Duration::from_secs(60), "moto's server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(moto)
    }

    /// Where it listens.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// What the emulator needs to read from it.
    #[must_use]
    pub fn aws(&self) -> Aws {
        Aws { endpoint: self.endpoint.clone(), credentials: credentials() }
    }

    /// Runs Python code with boto3 clients made by `client(name)`; what it assigns to `result` comes
    /// back.
    ///
    /// # Panics
    /// If the code fails.
    #[must_use]
    pub fn boto(&self, code: &str) -> Value {
        let prelude = format!(
            "import boto3, json\ndef client(name):\n    return boto3.client(name, \
             endpoint_url={:?}, region_name='us-east-1', aws_access_key_id='test', \
             aws_secret_access_key='test')\nresult = None\n",
            self.endpoint
        );
        let code = format!("{prelude}{code}\nprint(json.dumps(result, default=str))");
        let output = Command::new(python()).args(["-c", &code]).output().expect("Python");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Makes the table `payments` with a stream, and puts items into it, each with its key `pk`.
    ///
    /// # Panics
    /// If there is one, or an item has no key.
    pub fn payments(&self, items: &[Value]) {
        let items = Value::from(items).to_string();
        drop(self.boto(&format!(
            "from boto3.dynamodb.types import TypeSerializer\nfrom decimal import Decimal\n\
             d = client('dynamodb')\n\
             d.create_table(TableName='payments', KeySchema=[{{'AttributeName': 'pk', 'KeyType': 'HASH'}}], \
             AttributeDefinitions=[{{'AttributeName': 'pk', 'AttributeType': 'S'}}], BillingMode='PAY_PER_REQUEST', \
             StreamSpecification={{'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'}})\n\
             for item in json.loads({items:?}, parse_float=Decimal):\n    \
                 d.put_item(TableName='payments', Item={{k: TypeSerializer().serialize(v) for k, v in item.items()}})"
        )));
    }

    /// The URL of a new queue that gets the events of one kind from the bus.
    ///
    /// # Panics
    /// If it can't be made.
    #[must_use]
    pub fn queue_of_events(&self, detail_type: &str) -> Value {
        self.boto(&format!(
            "result = client('sqs').create_queue(QueueName='told')['QueueUrl']\n\
             events = client('events')\n\
             events.put_rule(Name='told', EventPattern=json.dumps({{'detail-type': [{detail_type:?}]}}))\n\
             events.put_targets(Rule='told', Targets=[{{'Id': '1', 'Arn': 'arn:aws:sqs:us-east-1:123456789012:told'}}])"
        ))
    }
}

/// Credentials that moto's server accepts, as it does any.
#[must_use]
pub fn credentials() -> Credentials {
    Credentials {
        access_key_id: "test".into(),
        secret_access_key: "test".into(),
        session_token: None,
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.server.kill());
        drop(self.server.wait());
    }
}
