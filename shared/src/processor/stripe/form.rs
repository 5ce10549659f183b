//! Stripe's form encoding: `line_items[0][price_data][currency]=eur`.

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn new() -> Self {
        Self::default()
    }

    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers write numbers and texts alike")]
    pub(super) fn with(mut self, name: impl Into<String>, value: impl ToString) -> Self {
        self.0.push((name.into(), value.to_string()));
        self
    }

    #[must_use]
    pub(super) fn with_some(self, name: impl Into<String>, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// `prefix[key]=value` for each.
    #[must_use]
    pub(super) fn with_map<'a>(self, prefix: &str, map: impl IntoIterator<Item = (&'a String, &'a String)>) -> Self {
        map.into_iter()
            .fold(self, |form, (key, value)| form.with(format!("{prefix}[{key}]"), value))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn encode(&self) -> String {
        url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.0)
            .finish()
    }
}
