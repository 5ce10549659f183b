//! The API's description: the functions' own, put together, with what all routes have in common added once.

use utoipa::openapi::path::Operation;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use super::problem::{FieldError, ProblemDocument};

const BEARER: &str = "bearer";
const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// One document of the descriptions that the functions' routers carry (`routes().describe(…)`).
pub fn document(functions: impl IntoIterator<Item = OpenApi>) -> OpenApi {
    let info = InfoBuilder::new()
        .title("Souk")
        .version("1")
        .description(Some("A marketplace for plugins, packs and integrations: partners sell, customers buy, every share is accounted for."))
        .build();
    let mut whole = OpenApiBuilder::new().info(info).build();
    for function in functions {
        whole.merge(function);
    }
    let components = whole.components.get_or_insert_with(Components::new);
    components.add_security_scheme(BEARER, SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    for (name, schema) in shared_schemas() {
        components.schemas.insert(name, schema);
    }
    for item in whole.paths.paths.values_mut() {
        let post = item.post.as_mut();
        post.into_iter().for_each(accept_idempotency_key);
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.delete,
            &mut item.patch,
        ];
        operations.into_iter().flatten().for_each(complete);
    }
    whole
}

fn shared_schemas() -> Vec<(String, RefOr<Schema>)> {
    let mut schemas = vec![
        (ProblemDocument::name().into_owned(), ProblemDocument::schema()),
        (FieldError::name().into_owned(), FieldError::schema()),
    ];
    ProblemDocument::schemas(&mut schemas);
    schemas
}

/// Every operation can answer with a problem, and asks for a bearer token unless it says otherwise (`security(())`).
fn complete(operation: &mut Operation) {
    let problem = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name(ProblemDocument::name())))
        .build();
    let problem = ResponseBuilder::new()
        .description("What went wrong, and what to do.")
        .content("application/problem+json", problem);
    operation
        .responses
        .responses
        .insert("default".to_owned(), RefOr::T(problem.build()));
    operation
        .security
        .get_or_insert_with(|| vec![SecurityRequirement::new::<_, [&str; 0], &str>(BEARER, [])]);
}

fn accept_idempotency_key(operation: &mut Operation) {
    use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
    let key = ParameterBuilder::new()
        .name(IDEMPOTENCY_KEY)
        .parameter_in(ParameterIn::Header)
        .required(utoipa::openapi::Required::False)
        .description(Some(
            "The same key and request get the same answer for 24 hours, and have their effect once.",
        ))
        .schema(Some(String::schema()))
        .build();
    operation.parameters.get_or_insert_default().push(RefOr::T(key));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Routes;
    use crate::routes;

    #[utoipa::path(post, path = "/v1/things", responses((status = 201)))]
    async fn make() {}

    #[utoipa::path(get, path = "/v1/things", security(()), responses((status = 200)))]
    async fn list() {}

    #[test]
    fn what_all_routes_share_is_added_once() {
        let function = Routes::<()>::new()
            .routes(routes!(make, list))
            .describe(OpenApi::default());
        let document = serde_json::to_value(document([function])).expect("JSON");
        assert_eq!(document["openapi"], "3.1.0");
        let (post, get) = (
            &document["paths"]["/v1/things"]["post"],
            &document["paths"]["/v1/things"]["get"],
        );
        assert_eq!(post["parameters"][0]["name"], "Idempotency-Key");
        assert!(get["parameters"].is_null());
        assert_eq!(
            post["responses"]["default"]["content"]["application/problem+json"]["schema"]["$ref"],
            "#/components/schemas/Problem"
        );
        assert_eq!(post["security"], serde_json::json!([{"bearer": []}]));
        assert_eq!(get["security"], serde_json::json!([{}]), "a public route stays public");
        assert!(document["components"]["schemas"]["Problem"].is_object());
        assert!(document["components"]["schemas"]["FieldError"].is_object());
    }
}
