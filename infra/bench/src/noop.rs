//! Deploys the baseline beside the functions: the same emulator, the same API, a Lambda that does nothing.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::aws::Aws;
use crate::function::{Function, api_id};
use crate::stack::Stack;
use crate::zip;

const PATIENCE: Duration = Duration::from_secs(20);

/// The URL that calls it. `twin` is the function whose memory and role it gets; each section that needs one names its own.
pub(crate) async fn deploy(stack: &Stack, aws: &Aws, twin: &Function, section: &str) -> Result<String> {
    let name = format!("{}-noop-{section}", stack.name);
    let program = zip::archive(&[("bootstrap".to_owned(), std::fs::read(stack.binary("noop")?)?)])?;
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    let function = json!({
        "FunctionName": name,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Architectures": [architecture],
        "Role": twin.role,
        "MemorySize": twin.memory_mb,
        "Timeout": 20,
        "Code": { "ZipFile": STANDARD.encode(program) },
    });
    let made = aws.post("lambda", "/2015-03-31/functions", &function).await?;
    wait_until_active(aws, &name).await?;
    let permission =
        json!({ "StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com" });
    aws.post("lambda", &format!("/2015-03-31/functions/{name}/policy"), &permission)
        .await?;
    let api = format!("/v2/apis/{}", api_id(stack)?);
    let integration =
        json!({ "integrationType": "AWS_PROXY", "integrationUri": made["FunctionArn"], "payloadFormatVersion": "2.0" });
    let integration = aws
        .post("apigateway", &format!("{api}/integrations"), &integration)
        .await?;
    let target = format!(
        "integrations/{}",
        integration["integrationId"].as_str().unwrap_or_default()
    );
    let route = json!({ "routeKey": format!("GET /noop-{section}"), "target": target });
    aws.post("apigateway", &format!("{api}/routes"), &route).await?;
    Ok(format!("{}/noop-{section}", stack.api_url))
}

async fn wait_until_active(aws: &Aws, name: &str) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let told = aws
            .get("lambda", &format!("/2015-03-31/functions/{name}/configuration"))
            .await?;
        if told["State"] == "Active" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{name} did not become active within {} s", PATIENCE.as_secs())
}
