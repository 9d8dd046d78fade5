//! Operations that are called by name, with arguments as JSON.

use std::collections::BTreeMap;

use serde::{Serialize, ser::SerializeMap as _};
use serde_json::{Map, Value};

use crate::{
    Client, Error, InvalidInput, Object, Operation, Response,
    transport::{Prepared, Route, Shape, call},
    validate,
};

impl Client {
    /// Calls an operation with its arguments in one JSON object: parameters of the path, parameters of the query, and fields of
    /// the body, each by its name. An argument that stands in two of these places is sent in both.
    ///
    /// It goes through the same checks and the same transport as the operation's own method. Whole numbers of 64 bits stay
    /// exact, and `null` clears a field where that is allowed.
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
    /// The value is `null` if the operation's response holds nothing; its body is in [`Response::body`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for an unknown argument, and for all that the operation's own method refuses, before anything
    /// is sent; otherwise as for every operation.
    pub async fn call_json(
        &self,
        operation: &'static Operation,
        arguments: Map<String, Value>,
    ) -> Result<Response<Value>, Error> {
        let request = self.admit(prepare(operation, &arguments)?, operation)?;
        drop(arguments);
        call(self, Route::Operation(operation), request, shape(operation)).await
    }
}

fn prepare(operation: &'static Operation, arguments: &Map<String, Value>) -> Result<Prepared, Error> {
    known(operation, arguments)?;
    let method = operation.method.parse();
    let method = method.map_err(|_| Error::internal("an operation has a method that is none, which is a bug", None))?;
    let mut request = Prepared::new(method, path(operation, arguments)?);
    if let Some(query) = operation.query {
        request.set_query(write(&Fields(query, arguments))?);
    }
    if let Some(body) = operation.body {
        let fields = Fields(body.object, arguments);
        if body.required || fields.given().next().is_some() {
            request.set_body(match body.envelope {
                Some(envelope) => write(&BTreeMap::from([(envelope, fields)]))?,
                None => write(&fields)?,
            });
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
        path.push_str(&validate::encode_path(&text));
    }
    Ok(path)
}

/// Those arguments that are fields of an object, in its order.
struct Fields<'a>(&'static Object, &'a Map<String, Value>);

impl Fields<'_> {
    fn given(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        let fields = self.0.fields.iter();
        fields.filter_map(|field| Some((field.name, self.1.get(field.name)?)))
    }
}

impl Serialize for Fields<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in self.given() {
            object.serialize_entry(name, value)?;
        }
        object.end()
    }
}

fn write(json: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(json).map_err(|error| Error::internal("the arguments can't be written", Some(error.into())))
}

fn shape(operation: &Operation) -> Shape {
    match operation.response.map(str::as_bytes) {
        None => Shape::Nothing,
        Some([b'[', ..]) => Shape::List,
        Some([b'{', ..]) => Shape::Map,
        Some(_) => Shape::Object,
    }
}
