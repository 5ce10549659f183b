//! AWS as its own root user sees it: queues, tables, logs, functions, mails. Every request is signed, for the stack enforces IAM.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use serde_json::{Map, Value, json};

use crate::{Stack, eventually, eventually_within, now};

/// Five receives with growing pauses between them.
const LAST_RECEIVE: Duration = Duration::from_secs(150);

#[derive(Debug, Clone)]
pub struct Aws {
    http: reqwest::Client,
    endpoint: String,
    region: String,
    credentials: Credentials,
    stack: Stack,
}

/// A message as it lies in a queue, seen without receiving it.
#[derive(Debug, Clone)]
pub struct Waiting {
    pub id: String,
    pub body: String,
    pub group: Option<String>,
    pub receives: u64,
    pub is_visible: bool,
}

/// What one call of a function wrote to its log.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// The lines that are JSON objects.
    pub lines: Vec<Value>,
}

impl Invocation {
    /// A number that some line of the invocation has under this name; the last one that does.
    pub fn number(&self, field: &str) -> u64 {
        let found = self.lines.iter().rev().find_map(|line| line[field].as_u64());
        found.unwrap_or_else(|| panic!("no line with a number {field:?} in {:#?}", self.lines))
    }
}

impl Aws {
    pub(crate) fn new(stack: &Stack) -> Self {
        let description = stack.description();
        let credentials = Credentials::new(
            &description.access_key_id,
            &description.secret_access_key,
            None,
            None,
            "stack.json",
        );
        Self {
            http: stack.http().clone(),
            endpoint: description.aws_endpoint.clone(),
            region: description.region.clone(),
            credentials,
            stack: stack.clone(),
        }
    }

    /// A call of one of the services that speak JSON.
    async fn call(&self, service: &str, target: &str, version: &str, body: Value) -> Value {
        let content_type = format!("application/x-amz-json-{version}");
        let headers = [("content-type", content_type.as_str()), ("x-amz-target", target)];
        let (status, text) = self.send(service, "/", &headers, &body.to_string()).await;
        assert!(status == 200, "{target} answered {status}: {text}\n{body}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    async fn send(&self, service: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let url = format!("{}{path}", self.endpoint);
        let host = self.endpoint.trim_start_matches("http://");
        let identity = self.credentials.clone().into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service)
            .time(SystemTime::from(now()))
            .settings(SigningSettings::default())
            .build()
            .unwrap()
            .into();
        let signed = headers.iter().copied().chain([("host", host)]);
        let request = SignableRequest::new("POST", url.as_str(), signed, SignableBody::Bytes(body.as_bytes())).unwrap();
        let (instructions, _) = sign(request, &params).unwrap().into_parts();
        let mut request = self.http.post(&url).body(body.to_owned());
        for (name, value) in headers.iter().copied().chain(instructions.headers()) {
            request = request.header(name, value);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }

    /// Calls a function by its name in the description, and waits for its end.
    ///
    /// # Panics
    /// When the function fails.
    pub async fn invoke(&self, function: &str, event: &Value) -> Value {
        let name = &self.stack.description().functions[function];
        let path = format!("/2015-03-31/functions/{name}/invocations");
        let (status, text) = self
            .send(
                "lambda",
                &path,
                &[("content-type", "application/json")],
                &event.to_string(),
            )
            .await;
        assert!(
            status == 200 && !text.contains("errorMessage"),
            "{name} answered {status}: {text}"
        );
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    // ---- queues

    /// Puts a message into a queue, as the relay would; FIFO queues want a group. Each call is a message of its own.
    pub async fn push(&self, queue: &str, group: Option<&str>, body: &str) -> String {
        let mut request = json!({"QueueUrl": self.stack.queue(queue), "MessageBody": body});
        if let Some(group) = group {
            request["MessageGroupId"] = json!(group);
            request["MessageDeduplicationId"] = json!(crate::unique());
        }
        let sent = self.call("sqs", "AmazonSQS.SendMessage", "1.0", request).await;
        sent["MessageId"].as_str().unwrap().to_owned()
    }

    /// For how long a message is nobody else's once it has been received.
    pub async fn set_visibility(&self, queue: &str, seconds: u32) {
        let attributes = json!({"VisibilityTimeout": seconds.to_string()});
        let request = json!({"QueueUrl": self.stack.queue(queue), "Attributes": attributes});
        self.call("sqs", "AmazonSQS.SetQueueAttributes", "1.0", request).await;
    }

    /// What lies in a queue, received by nobody or by somebody.
    pub async fn waiting(&self, queue: &str) -> Vec<Waiting> {
        let url = format!("{}/_ministack/sqs/messages", self.endpoint);
        let wanted = self
            .stack
            .queue(queue)
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let all: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let queues = all["messages"]
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .filter_map(Value::as_object)
            .flat_map(Map::values);
        let named = queues
            .filter_map(Value::as_object)
            .flatten()
            .filter(|(url, _)| url.rsplit('/').next() == Some(wanted.as_str()));
        named
            .flat_map(|(_, messages)| messages.as_array().cloned().unwrap_or_default())
            .map(|message| waiting(&message))
            .collect()
    }

    /// Whether a queue holds a message with this text.
    pub async fn holds(&self, queue: &str, text: &str) -> Option<Waiting> {
        self.waiting(queue)
            .await
            .into_iter()
            .find(|message| message.id == text || message.body.contains(text))
    }

    /// Checks that no dead letter and no parked message speaks of this.
    pub async fn assert_no_dead_letter(&self, text: &str) {
        for queue in self
            .stack
            .description()
            .queues
            .keys()
            .filter(|name| name.ends_with("dead-letters") || *name == "parked")
        {
            if let Some(message) = self.holds(queue, text).await {
                panic!("{queue} holds {message:?}");
            }
        }
    }

    /// Waits until a message has left its queue for good; it must not be among the dead letters.
    pub async fn consumed(&self, queue: &str, message: &str) {
        eventually(&format!("message {message} leaving {queue}"), async || {
            match self.holds(queue, message).await {
                Some(waiting) => Err(format!("{waiting:?}")),
                None => Ok(()),
            }
        })
        .await;
        let dead = self.holds(&format!("{queue}-dead-letters"), message).await;
        assert!(dead.is_none(), "{dead:?}");
    }

    /// Waits until a message is among the dead letters of its queue.
    pub async fn dies(&self, queue: &str, text: &str) -> Waiting {
        let dead_letters = format!("{queue}-dead-letters");
        eventually_within(LAST_RECEIVE, &format!("{text} in {dead_letters}"), async || match self
            .holds(&dead_letters, text)
            .await
        {
            Some(message) => Ok(message),
            None => Err(format!("in {queue}: {:?}", self.holds(queue, text).await)),
        })
        .await
    }

    // ---- tables

    /// Writes an item as nothing in Souk would: in DynamoDB's typed JSON.
    pub async fn put_item(&self, table: &str, item: Value) {
        let request = json!({"TableName": self.stack.description().tables[table], "Item": item});
        self.call("dynamodb", "DynamoDB_20120810.PutItem", "1.0", request).await;
    }

    /// Every item of a table whose attributes mention this text, as plain JSON.
    pub async fn items_about(&self, table: &str, text: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({"TableName": self.stack.description().tables[table], "ConsistentRead": true});
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let page = self.call("dynamodb", "DynamoDB_20120810.Scan", "1.0", request).await;
            let all = page["Items"].as_array().cloned().unwrap_or_default();
            items.extend(
                all.iter()
                    .map(plain_item)
                    .filter(|item| item.to_string().contains(text)),
            );
            start = page["LastEvaluatedKey"].clone();
            if start.is_null() {
                return items;
            }
        }
    }

    /// How many items each table has, for tests of what must write nothing. The tables of remembered requests and of people are left
    /// out: signing in writes a profile.
    pub async fn item_count(&self, table: &str) -> u64 {
        let request =
            json!({"TableName": self.stack.description().tables[table], "Select": "COUNT", "ConsistentRead": true});
        self.call("dynamodb", "DynamoDB_20120810.Scan", "1.0", request).await["Count"]
            .as_u64()
            .unwrap()
    }

    // ---- logs

    /// The calls of a function whose log mentions this text, oldest first.
    pub async fn invocations(&self, function: &str, text: &str) -> Vec<Invocation> {
        let group = format!("/aws/lambda/{}", self.stack.description().functions[function]);
        let mut streams: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        let mut token = Value::Null;
        loop {
            let mut request = json!({"logGroupName": group, "limit": 10_000});
            if !token.is_null() {
                request["nextToken"] = token;
            }
            let page = self.call("logs", "Logs_20140328.FilterLogEvents", "1.1", request).await;
            for event in page["events"].as_array().into_iter().flatten() {
                let stream = event["logStreamName"].as_str().unwrap_or_default();
                let Ok(line) = serde_json::from_str::<Value>(event["message"].as_str().unwrap_or_default()) else {
                    continue;
                };
                if !streams.contains_key(stream) {
                    order.push(stream.to_owned());
                }
                streams.entry(stream.to_owned()).or_default().push(line);
            }
            token = page["nextToken"].clone();
            if token.is_null() {
                break;
            }
        }
        let all = order.into_iter().filter_map(|stream| streams.remove(&stream));
        all.filter(|lines| lines.iter().any(|line| line.to_string().contains(text)))
            .map(|lines| Invocation { lines })
            .collect()
    }

    // ---- mails

    /// The mails that went to this address, oldest first, with `Subject` and `BodyText`.
    pub async fn mails_to(&self, address: &str) -> Vec<Value> {
        let url = format!("{}/_ministack/ses/messages", self.endpoint);
        let all: Value = self.http.get(url).send().await.unwrap().json().await.unwrap();
        let mails = all["messages"]
            .as_object()
            .into_iter()
            .flat_map(Map::values)
            .filter_map(Value::as_array)
            .flatten();
        let is_theirs = |mail: &&Value| {
            mail["To"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|to| to.as_str().is_some_and(|to| to.contains(address)))
        };
        mails.filter(is_theirs).cloned().collect()
    }
}

fn waiting(message: &Value) -> Waiting {
    let text = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    Waiting {
        id: text("MessageId"),
        body: text("Body"),
        group: message["MessageGroupId"].as_str().map(str::to_owned),
        receives: message["ReceiveCount"].as_u64().unwrap_or_default(),
        is_visible: message["IsVisible"].as_bool().unwrap_or_default(),
    }
}

/// Plain JSON as DynamoDB writes it.
pub fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(value) => json!({"BOOL": value}),
        Value::Number(value) => json!({"N": value.to_string()}),
        Value::String(value) => json!({"S": value}),
        Value::Array(items) => json!({"L": items.iter().map(typed).collect::<Vec<_>>()}),
        Value::Object(_) => json!({"M": typed_item(value)}),
    }
}

/// An item's attributes, each as DynamoDB writes it.
pub fn typed_item(item: &Value) -> Value {
    let members = item.as_object().into_iter().flatten();
    members
        .map(|(name, value)| (name.clone(), typed(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// DynamoDB's typed JSON as plain JSON.
fn plain_item(item: &Value) -> Value {
    let attributes = item.as_object().into_iter().flatten();
    Value::Object(attributes.map(|(name, value)| (name.clone(), plain(value))).collect())
}

fn plain(value: &Value) -> Value {
    let Some((kind, inner)) = value.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "N" => serde_json::from_str(inner.as_str().unwrap_or_default()).unwrap_or(Value::Null),
        "M" => plain_item(inner),
        "L" => inner.as_array().into_iter().flatten().map(plain).collect(),
        "NULL" => Value::Null,
        _ => inner.clone(),
    }
}
