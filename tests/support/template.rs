//! `template.yaml` as plain JSON: CloudFormation's short tags spelled out (`!Ref X` is `{"Ref": "X"}`).

use std::path::PathBuf;

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// The checkout.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

pub fn load() -> Value {
    let text = std::fs::read_to_string(root().join("template.yaml")).unwrap();
    plain(serde_yaml_ng::from_str(&text).unwrap())
}

/// A function of the template.
#[derive(Debug, Clone)]
pub struct Function {
    pub logical_id: String,
    /// Its folder, package and binary.
    pub name: String,
    pub properties: Value,
}

pub fn functions(template: &Value) -> Vec<Function> {
    let of_type = resources(template, "AWS::Serverless::Function");
    let function = |(logical_id, properties): (String, Value)| {
        let code = properties["CodeUri"].as_str().unwrap_or_default();
        let name = code.rsplit('/').next().unwrap_or_default().to_owned();
        Function {
            logical_id,
            name,
            properties,
        }
    };
    of_type.into_iter().map(function).collect()
}

/// Logical ids and properties of every resource of a type.
pub fn resources(template: &Value, kind: &str) -> Vec<(String, Value)> {
    let all = template["Resources"].as_object().unwrap().iter();
    all.filter(|(_, resource)| resource["Type"] == kind)
        .map(|(id, resource)| (id.clone(), resource["Properties"].clone()))
        .collect()
}

impl Function {
    /// Method and path of every HTTP event.
    pub fn routes(&self) -> Vec<(String, String)> {
        let text = |event: &Value, name: &str| event["Properties"][name].as_str().unwrap_or_default().to_owned();
        self.events("HttpApi")
            .iter()
            .map(|event| (text(event, "Method"), text(event, "Path")))
            .collect()
    }

    pub fn events(&self, kind: &str) -> Vec<Value> {
        let all = self.properties["Events"].as_object().into_iter().flat_map(Map::values);
        all.filter(|event| event["Type"] == kind).cloned().collect()
    }
}

/// Every route of the API.
pub fn routes(template: &Value) -> Vec<(String, String)> {
    functions(template).iter().flat_map(Function::routes).collect()
}

fn plain(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(number) => serde_json::to_value(number).unwrap(),
        Yaml::String(text) => json!(text),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(pairs) => {
            let pair = |(name, value): (Yaml, Yaml)| {
                (
                    name.as_str().map_or_else(|| format!("{name:?}"), str::to_owned),
                    plain(value),
                )
            };
            Value::Object(pairs.into_iter().map(pair).collect())
        }
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let tag = tag.trim_start_matches('!');
            let value = plain(tagged.value);
            match (tag, &value) {
                ("Ref" | "Condition", _) => json!({tag: value}),
                ("GetAtt", Value::String(path)) => json!({"Fn::GetAtt": path.split('.').collect::<Vec<_>>()}),
                _ => json!({format!("Fn::{tag}"): value}),
            }
        }
    }
}
