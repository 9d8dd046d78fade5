//! Checks `x-identifier`: two operations are one method if they differ only in what identifies the object.

use super::Lint;
use crate::{
    finding::Rule,
    model::{Api, Body, Identified, Kind, Object, Operation, Property},
    names,
};

const IDENTIFIER: &str = "x-identifier";
const ONE_METHOD: &str =
    "make them equal, because callers use one method for both; or leave `x-identifier` out of both";

impl Lint<'_> {
    pub(super) fn identifiers(&mut self, api: &Api) {
        for operation in api.operations.iter().filter(|operation| operation.identifier.is_some()) {
            if self.has_counterpart(api, operation)
                && let Some(identified) = operation.identified(api)
            {
                self.keys(&identified);
                self.same(api, operation, &identified);
                self.same_enum(api, &identified);
            }
        }
    }

    /// Checks that of two operations, one identifies the object by its path, the other by its query.
    fn has_counterpart(&mut self, api: &Api, operation: &Operation) -> bool {
        let at = self.identifier_of(operation);
        let [own, other] = match operation.parameters.as_slice() {
            [] => ["query", "path"],
            [parameter] if parameter.kind == Kind::String => ["path", "query"],
            _ => {
                let problem = "the path has more than one parameter, or one that is not text";
                let help = "leave it out: an identifier is one text in the path, or texts in the query";
                self.report(Rule::Identifier, &at, problem, help);
                return false;
            }
        };
        let found = |by_query: bool| {
            let all = api.operations.iter().filter(|other| other.is_one_with(operation));
            all.filter(|other| other.is_by_query() == by_query).count()
        };
        let by_query = operation.is_by_query();
        let is_pair = found(by_query) == 1 && found(!by_query) == 1;
        if !is_pair {
            let Operation { id, tag, verb, .. } = operation;
            let others = match found(!by_query) {
                0 => format!("but no operation that identifies its object by the {other} is"),
                1 => format!("and so is another operation that identifies its object by the {own}"),
                _ => format!("and so is more than one operation that identifies its object by the {other}"),
            };
            let problem = format!("`{id}` is `{tag}().{verb}`, {others}");
            let help = format!(
                "write one for the path and one for the query, with the same tag, HTTP method, `x-identifier` and \
                 `x-method: {verb}`; or leave it out"
            );
            self.report(Rule::Identifier, &at, problem, help);
        }
        is_pair
    }

    fn identifier_of(&self, operation: &Operation) -> String {
        self.of_operation(operation, &[IDENTIFIER])
    }

    /// Checks that the query identifies the object by required text.
    fn keys(&mut self, identified: &Identified<'_>) {
        let operation = identified.by_query;
        let at = self.identifier_of(operation);
        if identified.keys().next().is_none() {
            let problem = format!("no query parameter of `{}` identifies the object", operation.id);
            let help = "write what identifies it as required text in this query, and not in the other: `external_id`";
            self.report(Rule::Identifier, &at, problem, help);
        }
        let pointer = self.of_operation(operation, &[]);
        for key in identified.keys() {
            let at = self.places.parameter(&pointer, format!("query {}", key.name));
            if !key.required || key.kind != Kind::String || key.deprecated.is_some() {
                let problem = format!(
                    "`{}` is not a part of an identifier, and the other operation does not have it",
                    key.name
                );
                let help =
                    "a part is required text that is not deprecated; anything else is a parameter of both operations";
                self.report(Rule::Identifier, &at, problem, help);
            }
            if key.field == "client" {
                let problem = "`client` is taken in the request: it is what sends it";
                let help = "give the parameter another name in Rust: `x-rust-name: some_name`";
                self.report(Rule::NameCollision, &at, problem, help);
            }
        }
        let [by_path, by_query] = identified.variants();
        let is_variant = |name: &String| names::is_ident(name);
        if by_path == by_query || !is_variant(&by_path) || !is_variant(&by_query) {
            let problem = format!(
                "the variants of `{}` would be `{by_path}`, for the path, and `{by_query}`, for the query",
                identified.name
            );
            let help = "give a parameter another name in Rust: `x-rust-name: some_name`";
            self.report(Rule::NameCollision, &at, problem, help);
        }
    }

    /// Checks that everything else is the same in both.
    fn same(&mut self, api: &Api, operation: &Operation, identified: &Identified<'_>) {
        let other = identified.by_query;
        let at = self.identifier_of(other);
        let body = |body: &Option<Body>| body.as_ref().map(|body| (body.component.clone(), body.required));
        let (own, others) = (operation.query_object(api), other.query_object(api));
        let groups = |object: Option<&Object>| object.map(|object| object.one_of.clone()).unwrap_or_default();
        let differences = [
            (body(&operation.body) != body(&other.body), "body"),
            (operation.response != other.response, "response"),
            (operation.not_modified != other.not_modified, "status 304"),
            (operation.deprecated != other.deprecated, "deprecation"),
            (groups(own) != groups(others), "`x-one-of`"),
        ];
        for (_, what) in differences.into_iter().filter(|(differs, _)| *differs) {
            let problem = format!(
                "`{}` and `{}` are one method, and differ in the {what}",
                operation.id, other.id
            );
            self.report(Rule::Identifier, &at, problem, ONE_METHOD);
        }
        let own: Vec<_> = own.into_iter().flat_map(|query| query.properties.clone()).collect();
        let is_own = |property: &&Property| own.iter().any(|own| own.name == property.name);
        let others: Vec<_> = others
            .into_iter()
            .flat_map(|query| &query.properties)
            .filter(is_own)
            .cloned()
            .collect();
        if own != others {
            let problem = format!(
                "`{}` and `{}` are one method, and differ in the query",
                operation.id, other.id
            );
            let is_missing = |own: &&Property| !others.iter().any(|other| other.name == own.name);
            let help = match own.iter().find(is_missing) {
                Some(missing) => format!("write `{}` in both; or leave `x-identifier` out of both", missing.name),
                None => "write what both have as components, and refer to them in the same order".to_owned(),
            };
            self.report(Rule::Identifier, &at, problem, help);
        }
    }

    /// Checks that an enum is used by one resource and with the same parameters.
    fn same_enum(&mut self, api: &Api, identified: &Identified<'_>) {
        let Some(first) = api.identifiers().remove(identified.name) else {
            return;
        };
        let parts = |identified: &Identified<'_>| {
            let keys: Vec<_> = identified.keys().map(|key| key.field.clone()).collect();
            (
                identified.by_query.tag.clone(),
                identified.parameter.field.clone(),
                keys,
            )
        };
        if parts(&first) != parts(identified) {
            let at = self.identifier_of(identified.by_query);
            let problem = format!(
                "`{}` has another tag or other parameters in `{}`",
                identified.name, first.by_query.id
            );
            let help = "give it another name, or the same tag and the same parameters in the same order";
            self.report(Rule::Identifier, &at, problem, help);
        }
    }
}
