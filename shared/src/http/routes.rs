//! A context's routes, with their description for whoever asks.
//!
//! Describing a route builds the schemas of everything it takes and answers. Done at every cold start, that makes the start of a function
//! with a dozen routes two thirds longer, so a route carries a way to describe it and not the description.

use axum::routing::MethodRouter;
use utoipa::openapi::OpenApi;
#[doc(hidden)]
pub use utoipa_axum;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

/// One path: where it is, what answers there, how to describe it. Made by [`routes!`](crate::routes).
pub type Route<S> = (String, MethodRouter<S>, fn() -> UtoipaMethodRouter<S>);

/// The handlers of one path, each a function with `#[utoipa::path]`, which says its method.
#[macro_export]
macro_rules! routes {
    ($($first:ident)::+ $(, $($next:ident)::+)* $(,)?) => {{
        use $crate::http::routes::utoipa_axum::{self, PathItemExt as _};
        let path = utoipa_axum::routes!(@path [path()] of $($first)::+);
        let methods = $crate::routes!(@add $($first)::+ to axum::routing::MethodRouter::new());
        $(let methods = $crate::routes!(@add $($next)::+ to methods);)*
        (path, methods, || utoipa_axum::routes!($($first)::+ $(, $($next)::+)*))
    }};
    (@add $($handler:ident)::+ to $methods:expr) => {
        utoipa_axum::routes!(@path [methods()] of $($handler)::+)
            .iter()
            .fold($methods, |methods, method| methods.on(method.to_method_filter(), $($handler)::+))
    };
}

/// A router as `utoipa_axum` has it, but for the description's time.
#[derive(Debug)]
pub struct Routes<S> {
    router: axum::Router<S>,
    descriptions: Vec<fn() -> UtoipaMethodRouter<S>>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self {
            router: axum::Router::new(),
            descriptions: Vec::new(),
        }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn routes(mut self, (path, methods, describe): Route<S>) -> Self {
        self.descriptions.push(describe);
        self.route(&path, methods)
    }

    /// A route that the description does not have.
    #[must_use]
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.router = self.router.route(path, methods);
        self
    }

    pub fn into_router(self) -> axum::Router<S> {
        self.router
    }

    /// `frame` with every route in it.
    pub fn describe(self, frame: OpenApi) -> OpenApi {
        let described = OpenApiRouter::with_openapi(frame);
        let described = self
            .descriptions
            .into_iter()
            .fold(described, |sum, describe| sum.routes(describe()));
        described.into_openapi()
    }
}
