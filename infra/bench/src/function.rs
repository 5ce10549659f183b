//! The functions as deployed: what starts each, and the environment that the template gives it.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::aws::Aws;
use crate::stack::Stack;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trigger {
    Http,
    /// A queue or a table's stream: batches of records.
    Records,
    Schedule,
}

impl Trigger {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Records => "records",
            Self::Schedule => "schedule",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Function {
    /// Of its folder.
    pub(crate) name: String,
    pub(crate) trigger: Trigger,
    /// The variables of the template with their values in this stack.
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) memory_mb: u64,
    pub(crate) role: String,
    /// Of the deployed zip.
    pub(crate) zip_bytes: u64,
}

/// In the order of their names. Triggers come from the deployment itself, so that a new function is measured without being listed here.
pub(crate) async fn all(stack: &Stack, aws: &Aws) -> Result<Vec<Function>> {
    let mappings = aws.get("lambda", "/2015-03-31/event-source-mappings/").await?;
    let integrations = aws
        .get("apigateway", &format!("/v2/apis/{}/integrations", api_id(stack)?))
        .await?;
    let records = targets(&mappings["EventSourceMappings"], "FunctionArn");
    let http = targets(&integrations["items"], "integrationUri");
    let mut functions = Vec::new();
    for (name, deployed) in &stack.functions {
        let arn_ends = format!(":function:{deployed}");
        let is_among = |arns: &[String]| {
            arns.iter()
                .any(|arn| arn.trim_end_matches("/invocations").ends_with(&arn_ends))
        };
        let trigger = match () {
            () if is_among(&http) => Trigger::Http,
            () if is_among(&records) => Trigger::Records,
            () => Trigger::Schedule,
        };
        functions.push(one(aws, name, deployed, trigger).await.with_context(|| name.clone())?);
    }
    Ok(functions)
}

async fn one(aws: &Aws, name: &str, deployed: &str, trigger: Trigger) -> Result<Function> {
    let told = aws
        .get("lambda", &format!("/2015-03-31/functions/{deployed}/configuration"))
        .await?;
    let variables = told["Environment"]["Variables"].as_object().context("no variables")?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(Function {
        name: name.to_owned(),
        trigger,
        variables: variables
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
        memory_mb: told["MemorySize"].as_u64().context("no memory size")?,
        role: text(&told["Role"]),
        zip_bytes: told["CodeSize"].as_u64().context("no code size")?,
    })
}

/// The API's id, which stands in its URL.
pub(crate) fn api_id(stack: &Stack) -> Result<&str> {
    let (_, after) = stack
        .api_url
        .split_once("/execute-api/")
        .with_context(|| format!("{} names no API", stack.api_url))?;
    Ok(after.split('/').next().unwrap_or_default())
}

fn targets(items: &Value, field: &str) -> Vec<String> {
    items
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|item| item[field].as_str().map(str::to_owned))
        .collect()
}
