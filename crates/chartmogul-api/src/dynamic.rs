//! Operations that are called by name, with arguments as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize as _, Serialize, ser::SerializeMap as _};
use serde_json::{Map, Value};

use crate::{
    Client, CustomAttributeValue, Error, InvalidInput, Object, Operation, Response,
    operation::Schema,
    request::{CustomAttributesRequest, Request, UpdateRequest},
    runtime::admit,
    transport::{Prepared, Route, Shape, call},
    types::CustomAttribute,
    validate,
};

impl Client {
    /// Calls an operation with its arguments in one JSON object: parameters of the path, parameters of the query, and fields of
    /// the body, each by its name. A name that is in two of them is sent in both.
    ///
    /// It uses the same validation and the same transport as the operation's own method. Integers of 64 bits stay exact, and
    /// `null` clears a field where that is allowed.
    ///
    /// ```no_run
    /// # async fn run(client: chartmogul_api::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use chartmogul_api::operations;
    /// use serde_json::json;
    ///
    /// let operation = operations::find("update_opportunity").ok_or("no such operation")?;
    /// let arguments = json!({ "opportunity_uuid": "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc", "amount_in_cents": 20_000 });
    /// let arguments = arguments.as_object().cloned().unwrap_or_default();
    /// let response = client.call_json(operation, arguments).await?;
    /// println!("{}", response.value()["amount_in_cents"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The value is `null` if the operation's response has no value; its body is in [`Response::body`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an unknown argument, and for everything that the operation's own method rejects, before
    /// anything is sent; otherwise those of every operation.
    pub async fn call_json(
        &self,
        operation: &'static Operation,
        arguments: Map<String, Value>,
    ) -> Result<Response<Value>, Error> {
        let request = admit(prepare(operation, &arguments, None)?, operation)?;
        drop(arguments);
        call(self, Route::Operation(operation), request, shape(operation)).await
    }
}

/// A request of an operation that is chosen at run time. Not for users: it may change.
#[derive(Debug, Clone)]
pub struct JsonRequest {
    operation: &'static Operation,
    arguments: Map<String, Value>,
}

impl Request for JsonRequest {
    type Response = Value;

    fn operation(&self) -> &'static Operation {
        self.operation
    }

    fn shape(&self) -> Shape {
        shape(self.operation)
    }

    async fn send<'a>(&'a self, client: &'a Client) -> Result<Response<Value>, Error> {
        let request = prepare(self.operation, &self.arguments, None)?;
        client.send_prepared(request, self.operation, self.shape()).await
    }
}

/// An update of an operation that is chosen at run time. Not for users: it may change.
#[derive(Debug, Clone)]
pub struct JsonUpdate {
    update: JsonRequest,
    read: &'static Operation,
    /// The custom attributes are kept as they are sent: some have numbers that no [`Value`] holds.
    custom: Option<Vec<CustomAttribute>>,
}

impl JsonUpdate {
    /// An update with its arguments in one object, as [`Client::call_json`] takes them.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] if the operation is not an update of an object that can be read, for an unknown argument, for a
    /// path parameter that is missing or invalid, and for custom attributes that are not a list of keys and values.
    pub fn new(operation: &'static Operation, mut arguments: Map<String, Value>) -> Result<Self, Error> {
        let Some(read) = operation.read() else {
            let must_be = "must be an operation that updates an object which can be read";
            return Err(InvalidInput::new("operation", &operation.id, must_be).into());
        };
        let mut custom = None;
        if operation.replaces_all("custom") {
            custom = arguments.remove("custom").map(attributes).transpose()?;
        }
        // What is left to find in the values is found when they are checked.
        prepare(operation, &arguments, None)?;
        let update = JsonRequest { operation, arguments };
        Ok(Self { update, read, custom })
    }
}

impl Request for JsonUpdate {
    type Response = Value;

    fn operation(&self) -> &'static Operation {
        self.update.operation
    }

    fn shape(&self) -> Shape {
        self.update.shape()
    }

    async fn send<'a>(&'a self, client: &'a Client) -> Result<Response<Value>, Error> {
        let (operation, arguments) = (self.operation(), &self.update.arguments);
        if self.custom.is_some() && !operation.replaces_all("custom") {
            let must_be = "must be an operation that replaces all custom attributes";
            return Err(InvalidInput::new("operation", &operation.id, must_be).into());
        }
        let request = prepare(operation, arguments, self.custom.as_ref())?;
        client.send_prepared(request, operation, self.shape()).await
    }
}

impl UpdateRequest for JsonUpdate {
    type Read = JsonRequest;

    const OPERATION: Option<&'static Operation> = None;

    fn read(&self) -> JsonRequest {
        let is_known = |name: &String| self.read.parameter(name).is_some() || is_required(self.read.query, name);
        let arguments = self.update.arguments.iter().filter(|(name, _)| is_known(name));
        JsonRequest {
            operation: self.read,
            arguments: arguments.map(|(name, value)| (name.clone(), value.clone())).collect(),
        }
    }
}

impl CustomAttributesRequest for JsonUpdate {
    fn custom(&mut self) -> &mut Option<Vec<CustomAttribute>> {
        &mut self.custom
    }
}

fn is_required(query: Option<&Object>, name: &str) -> bool {
    let field = query.and_then(|query| query.field(name));
    field.is_some_and(|field| field.required)
}

/// Custom attributes as they are sent: a list of keys and values.
fn attributes(json: Value) -> Result<Vec<CustomAttribute>, InvalidInput> {
    let must_be = "must be a list of objects with `key` and `value`";
    let Value::Array(items) = json else {
        return Err(InvalidInput::new("custom", &format_args!("{json}"), must_be));
    };
    let attribute = |(index, item): (usize, Value)| {
        let value = item.get("value").map(CustomAttributeValue::deserialize);
        match (item["key"].as_str(), value, item.as_object().map(Map::len)) {
            (Some(key), Some(Ok(value)), Some(2)) => Ok(CustomAttribute::new(key, value)),
            _ => Err(InvalidInput::new(
                format!("custom[{index}]"),
                &format_args!("{item}"),
                must_be,
            )),
        }
    };
    items.into_iter().enumerate().map(attribute).collect()
}

/// `custom` is sent in place of an argument of this name.
fn prepare(
    operation: &'static Operation,
    arguments: &Map<String, Value>,
    custom: Option<&Vec<CustomAttribute>>,
) -> Result<Prepared, Error> {
    known(operation, arguments)?;
    let method = operation.method.parse();
    let method =
        method.map_err(|_| Error::internal("the operation table has an invalid HTTP method, which is a bug", None))?;
    let mut request = Prepared::new(method, path(operation, arguments)?);
    if let Some(query) = operation.query {
        request.set_query(&Fields(query, arguments, None)).map_err(unwritten)?;
    }
    if let Some(body) = operation.body {
        let fields = Fields(body.object, arguments, custom);
        if body.required || custom.is_some() || fields.given().next().is_some() {
            let written = match body.envelope {
                Some(envelope) => request.set_body(&BTreeMap::from([(envelope, fields)])),
                None => request.set_body(&fields),
            };
            written.map_err(unwritten)?;
        }
    }
    Ok(request)
}

/// Refuses names that the operation does not have.
fn known(operation: &Operation, arguments: &Map<String, Value>) -> Result<(), InvalidInput> {
    let objects = [operation.query, operation.body.map(|body| body.object)];
    let fields = objects.iter().flatten().flat_map(|object| object.fields);
    let parameters = operation.parameters.iter().map(|parameter| parameter.name);
    let mut names: Vec<_> = Vec::new();
    for name in parameters.chain(fields.map(|field| field.name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match arguments.keys().find(|name| !names.contains(&name.as_str())) {
        Some(unknown) => Err(InvalidInput::unknown(unknown, &names)),
        None => Ok(()),
    }
}

/// The path with its arguments.
fn path(operation: &Operation, arguments: &Map<String, Value>) -> Result<String, InvalidInput> {
    let mut path = String::with_capacity(operation.path.len() + 16);
    for segment in operation.path.split('/').skip(1) {
        path.push('/');
        let Some(name) = validate::parameter(segment) else {
            path.push_str(segment);
            continue;
        };
        let value = arguments.get(name).ok_or_else(|| InvalidInput::missing(&name))?;
        if let Some(parameter) = operation.parameter(name) {
            validate::argument(parameter, value)?;
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        path.push_str(&validate::encode_path(&text).to_string());
    }
    Ok(path)
}

/// Those arguments that are fields of an object, in its order, and the custom attributes.
struct Fields<'a>(
    &'static Object,
    &'a Map<String, Value>,
    Option<&'a Vec<CustomAttribute>>,
);

impl Fields<'_> {
    fn given(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let fields = self.0.fields.iter();
        fields.filter_map(|field| Some((field.name, self.1.get(field.name)?)))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for field in self.0.fields {
            match (field.name, self.2, self.1.get(field.name)) {
                ("custom", Some(custom), _) => object.serialize_entry("custom", custom)?,
                (name, _, Some(value)) => object.serialize_entry(name, &Ordered(&field.schema, value))?,
                _ => {}
            }
        }
        object.end()
    }
}

/// A value whose objects have the order that typed ones have, so that of two faults the same one is told.
struct Ordered<'a>(&'static Schema, &'a Value);

impl Serialize for Ordered<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.0, self.1) {
            (Schema::Object(object), Value::Object(values)) => {
                let mut ordered = serializer.serialize_map(Some(values.len()))?;
                for field in object.fields {
                    if let Some(value) = values.get(field.name) {
                        ordered.serialize_entry(field.name, &Ordered(&field.schema, value))?;
                    }
                }
                // The check refuses these.
                for (name, value) in values.iter().filter(|(name, _)| object.field(name).is_none()) {
                    ordered.serialize_entry(name, value)?;
                }
                ordered.end()
            }
            (Schema::Map(of), Value::Object(values)) => {
                let ordered: BTreeMap<_, _> = values.iter().map(|(name, value)| (name, Ordered(of, value))).collect();
                ordered.serialize(serializer)
            }
            (Schema::List { items, .. }, Value::Array(values)) => {
                serializer.collect_seq(values.iter().map(|value| Ordered(items, value)))
            }
            (_, value) => value.serialize(serializer),
        }
    }
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::internal("the arguments can't be written as JSON", Some(error.into()))
}

fn shape(operation: &Operation) -> Shape {
    match operation.response.map(str::as_bytes) {
        None => Shape::Nothing,
        Some([b'[', ..]) => Shape::List,
        Some([b'{', ..]) => Shape::Map,
        Some(_) => Shape::Object,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // tests
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        operation::{Body, FieldSchema, Schema, Text},
        operations,
        request::Request,
        requests,
        runtime::{self, Check},
        types::{
            CustomAttribute, ImportInvoicesQuery, InvoiceCreation, InvoiceImport, LineItemCreation,
            ListOpportunitiesQuery, NewInvoice, NewOpportunity, OpportunityCreation, OpportunityUpdate,
        },
    };

    const UUID: &str = "4ee13ca4-e7fe-41ee-9a7f-f303abf41acc";

    fn client() -> Client {
        Client::builder()
            .api_key("key")
            .base_url("http://localhost")
            .build()
            .unwrap()
    }

    /// What would be sent, or the error.
    fn by_name(operation: &'static Operation, arguments: &Value) -> Result<Prepared, String> {
        let prepared = prepare(operation, arguments.as_object().unwrap(), None);
        let admitted = prepared.and_then(|request| admit(request, operation));
        admitted.map_err(|error| error.to_string())
    }

    fn typed<R: Request>(request: &R) -> Result<Prepared, String> {
        runtime::prepare(request, &client(), Check::Yes).map_err(|error| error.to_string())
    }

    fn same<R: Request>(request: &R, arguments: &Value) -> Result<Prepared, String> {
        let by_name = by_name(request.operation(), arguments);
        assert_eq!(by_name, typed(request), "{arguments}");
        by_name
    }

    fn update(change: impl FnOnce(&mut OpportunityUpdate)) -> requests::UpdateOpportunity {
        let mut body = OpportunityUpdate::default();
        change(&mut body);
        requests::UpdateOpportunity {
            opportunity_uuid: UUID.to_owned(),
            body,
        }
    }

    #[test]
    fn the_same_is_sent_as_by_the_operations_own_method() {
        let listed = same(
            &requests::ListOpportunities {
                query: ListOpportunitiesQuery {
                    owner: Some("a@b.c".to_owned()),
                    estimated_close_date_on_or_after: Some("2026-01-31".into()),
                    per_page: Some(50),
                    ..ListOpportunitiesQuery::default()
                },
            },
            &json!({ "per_page": 50, "owner": "a@b.c", "estimated_close_date_on_or_after": "2026-01-31" }),
        );
        let query = br#"{"owner":"a@b.c","estimated_close_date_on_or_after":"2026-01-31","per_page":50}"#;
        assert_eq!(listed.unwrap().query(), Some(query.as_slice()));
        assert_eq!(
            same(&requests::ListOpportunities::default(), &json!({}))
                .unwrap()
                .query(),
            None
        );

        let mut body = OpportunityCreation::new(NewOpportunity {
            customer_uuid: "cus_1",
            owner: "a@b.c",
            pipeline: "New",
            pipeline_stage: "Lead",
            estimated_close_date: "2026-01-31".into(),
            amount_in_cents: i64::MAX,
            currency: "EUR",
        });
        body.custom = Some(vec![CustomAttribute::new("seats", 4)]);
        let created = same(
            &requests::CreateOpportunity { body },
            &json!({
                "customer_uuid": "cus_1", "owner": "a@b.c", "pipeline": "New", "pipeline_stage": "Lead",
                "estimated_close_date": "2026-01-31", "amount_in_cents": i64::MAX, "currency": "EUR",
                "custom": [{ "key": "seats", "value": 4 }],
            }),
        );
        let body = String::from_utf8(created.unwrap().body().unwrap().to_vec()).unwrap();
        assert!(body.contains(r#""amount_in_cents":9223372036854775807"#), "{body}");

        let arguments = json!({ "opportunity_uuid": UUID });
        let opportunity_uuid = UUID.to_owned();
        let read = same(&requests::GetOpportunity { opportunity_uuid }, &arguments).unwrap();
        assert_eq!(
            (read.path(), read.body()),
            (format!("/v1/opportunities/{UUID}").as_str(), None)
        );
        let opportunity_uuid = UUID.to_owned();
        same(&requests::DeleteOpportunity { opportunity_uuid }, &arguments).unwrap();
        let arguments = json!({ "opportunity_uuid": UUID, "win_likelihood": 100, "type": "one-time" });
        let change = |body: &mut OpportunityUpdate| {
            body.win_likelihood = Some(100);
            body.type_ = Some("one-time".into());
        };
        same(&update(change), &arguments).unwrap();
    }

    #[test]
    fn the_same_is_refused() {
        let arguments = |name: &str, value: Value| {
            let mut arguments = json!({ "opportunity_uuid": UUID });
            arguments[name] = value;
            arguments
        };
        let refused = [
            same(&update(|_| ()), &json!({ "opportunity_uuid": UUID })),
            same(
                &update(|body| body.owner = Some(String::new())),
                &arguments("owner", json!("")),
            ),
            same(
                &update(|body| body.win_likelihood = Some(140)),
                &arguments("win_likelihood", json!(140)),
            ),
            same(
                &update(|body| body.currency = Some("eur".to_owned())),
                &arguments("currency", json!("eur")),
            ),
            same(
                &update(|body| body.estimated_close_date = Some("soon".into())),
                &arguments("estimated_close_date", json!("soon")),
            ),
            same(
                &update(|body| body.custom = Some(vec![CustomAttribute::new("a b", "c")])),
                &arguments("custom", json!([{ "key": "a b", "value": "c" }])),
            ),
            same(
                &requests::GetOpportunity {
                    opportunity_uuid: String::new(),
                },
                &json!({ "opportunity_uuid": "" }),
            ),
            same(
                &requests::ListOpportunities {
                    query: ListOpportunitiesQuery {
                        per_page: Some(201),
                        ..ListOpportunitiesQuery::default()
                    },
                },
                &json!({ "per_page": 201 }),
            ),
        ];
        for refused in refused {
            refused.unwrap_err();
        }
    }

    /// Of several faults, the first one in the document's order is told, however deep they are.
    #[test]
    fn the_first_of_several_faults_is_the_same() {
        let invoice = |external_id: &str, currency: &str, line_items| {
            InvoiceCreation::new(NewInvoice {
                external_id,
                date: "2026-01-31".into(),
                currency,
                line_items,
            })
        };
        let import = |invoice: InvoiceCreation| requests::ImportInvoices {
            customer_uuid: "cus_1".to_owned(),
            query: ImportInvoicesQuery::default(),
            body: InvoiceImport::new([invoice]),
        };
        let mut line_item = LineItemCreation::new("trial", 1);
        line_item.plan_uuid = Some(String::new());
        line_item.cancelled_at = Some("soon".into());
        let good = LineItemCreation::new("trial", 1);
        let item = json!({ "amount_in_cents": 1, "cancelled_at": "soon", "plan_uuid": "", "type": "trial" });
        let one = json!({ "amount_in_cents": 1, "type": "trial" });
        for (typed, items, external_id, currency, first) in [
            (good, one, "", "usd", "invoices[0].external_id"),
            (line_item, item, "inv_1", "USD", "invoices[0].line_items[0].plan_uuid"),
        ] {
            let arguments = json!({
                "customer_uuid": "cus_1",
                "invoices": [{
                    "currency": currency, "date": "2026-01-31", "external_id": external_id, "line_items": [items],
                }],
            });
            let said = same(&import(invoice(external_id, currency, vec![typed])), &arguments).unwrap_err();
            assert!(said.starts_with(&format!("`{first}`")), "{said}");
        }
    }

    #[test]
    fn what_only_json_can_say_is_refused_too() {
        let say = |operation, arguments: Value| by_name(operation, &arguments).unwrap_err();
        assert_eq!(
            say(
                &operations::GET_OPPORTUNITY,
                json!({ "opportunity_uuid": UUID, "uuid": UUID })
            ),
            "`uuid` is not a known name; must be one of opportunity_uuid"
        );
        assert_eq!(
            say(&operations::GET_OPPORTUNITY, json!({})),
            "`opportunity_uuid` is missing; must be set"
        );
        for (value, shown) in [(json!(null), "null; must not be null"), (json!(5), "5; must be text")] {
            let said = say(&operations::GET_OPPORTUNITY, json!({ "opportunity_uuid": value }));
            assert_eq!(said, format!("`opportunity_uuid` was {shown}"));
        }
        let update = |name: &str, value: Value| {
            let mut arguments = json!({ "opportunity_uuid": UUID });
            arguments[name] = value;
            say(&operations::UPDATE_OPPORTUNITY, arguments)
        };
        assert_eq!(update("owner", json!(null)), "`owner` was null; must not be null");
        assert_eq!(
            update("amount_in_cents", json!(u64::MAX)),
            "`amount_in_cents` was 18446744073709551615; must be a 64-bit integer"
        );
        assert!(
            update("amount", json!(1))
                .starts_with("`amount` is not a known name; must be one of opportunity_uuid, owner, ")
        );
        assert_eq!(
            update("custom", json!([{ "key": "a" }])),
            "`custom[0].value` is missing; must be set"
        );
        let said = say(&operations::CREATE_OPPORTUNITY, json!({ "owner": "a@b.c" }));
        assert_eq!(said, "`customer_uuid` is missing; must be set");
    }

    const fn field(name: &'static str, schema: Schema) -> FieldSchema {
        FieldSchema {
            name,
            description: "",
            example: None,
            required: false,
            nullable: true,
            replaces_all: false,
            deprecated: None,
            schema,
        }
    }

    static FIELDS: Object = Object::new("Fields", &[field("id", Schema::Any), field("tags", Schema::Any)]);

    static DISABLE: Operation = Operation {
        method: "DELETE",
        path: "/v1/events/{id}/parts",
        parameters: &[crate::Parameter {
            name: "id",
            description: "",
            example: None,
            schema: Schema::Integer {
                minimum: None,
                maximum: None,
            },
        }],
        query: Some(&Object::new(
            "Query",
            &[field(
                "tags",
                Schema::List {
                    items: &Schema::Text(&Text::ANY),
                    min_items: 0,
                },
            )],
        )),
        body: Some(Body {
            object: &FIELDS,
            required: false,
            envelope: Some("event"),
            example: None,
        }),
        ..operations::DELETE_OPPORTUNITY
    };

    static OPTIONAL: Operation = Operation {
        method: "POST",
        path: "/v1/exports",
        parameters: &[],
        body: Some(Body {
            object: &FIELDS,
            required: false,
            envelope: None,
            example: None,
        }),
        ..operations::DELETE_OPPORTUNITY
    };

    static REQUIRED: Operation = Operation {
        body: Some(Body {
            object: &FIELDS,
            required: true,
            envelope: None,
            example: None,
        }),
        ..OPTIONAL
    };

    #[test]
    fn arguments_go_wherever_their_name_stands() {
        let request = by_name(&DISABLE, &json!({ "id": 42, "tags": ["a", "b"] })).unwrap();
        assert_eq!(request.path(), "/v1/events/42/parts");
        assert_eq!(request.query(), Some(br#"{"tags":["a","b"]}"#.as_slice()));
        assert_eq!(
            request.body(),
            Some(br#"{"event":{"id":42,"tags":["a","b"]}}"#.as_slice())
        );
        let said = by_name(&DISABLE, &json!({ "id": 42, "tags": ["a,b"] })).unwrap_err();
        assert!(
            said.starts_with("`tags[0]` was \"a,b\"; must not be empty or contain a comma"),
            "{said}"
        );
    }

    #[test]
    fn an_optional_body_is_sent_if_something_is_set() {
        let body = |operation, arguments: Value| {
            let request = by_name(operation, &arguments).unwrap();
            request.body().map(|body| String::from_utf8(body.to_vec()).unwrap())
        };
        assert_eq!(body(&OPTIONAL, json!({})), None);
        assert_eq!(
            body(&OPTIONAL, json!({ "id": null })).as_deref(),
            Some(r#"{"id":null}"#)
        );
        assert_eq!(
            body(&OPTIONAL, json!({ "tags": {} })).as_deref(),
            Some(r#"{"tags":{}}"#)
        );
        assert_eq!(body(&REQUIRED, json!({})).as_deref(), Some("{}"));
    }
}
