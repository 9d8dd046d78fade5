//! What the generator needs to know of a document; `lint` reads it.

use std::collections::BTreeMap;

use serde_json::Value;

/// The parameter that names a customer, in every path and every query.
const CUSTOMER_UUID: &str = "customer_uuid";

/// The resource whose objects have a scope: `Client::customer`.
const CUSTOMERS: &str = "customers";

/// The whole API.
#[derive(Debug)]
pub struct Api {
    /// The URL of production, without a slash at the end.
    pub base_url: String,
    /// Tags with operations, in the order of the document.
    pub tags: Vec<Tag>,
    /// In the order of the document.
    pub operations: Vec<Operation>,
    /// The components that requests and successful responses consist of, by name, and the query types.
    pub types: BTreeMap<String, Type>,
}

/// A resource.
#[derive(Debug)]
pub struct Tag {
    /// `snake_case`.
    pub name: String,
    /// Markdown.
    pub description: String,
    /// Page of the API reference.
    pub source: String,
}

/// The optional field that can name an operation's customer instead of the path.
#[derive(Debug, Clone, Copy)]
pub enum CustomerField<'a> {
    /// A query parameter.
    Query(&'a Property),
    /// A field of the body.
    Body(&'a Property),
}

/// How the objects of a customer are accessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// They do not belong to a customer.
    None,
    /// The resource is the customer itself: the scope has its methods.
    Itself,
    /// Lists can be filtered by the customer, and new objects be created for it: the resource itself, limited to that
    /// customer.
    Limited,
    /// The paths contain the customer: a separate struct, with the methods of the resource without that argument.
    Within,
}

impl Tag {
    /// The name of the struct for the objects of one customer.
    pub fn of_customer(&self) -> String {
        format!("{}OfCustomer", crate::names::pascal(&self.name))
    }
}

/// One operation.
#[derive(Debug)]
pub struct Operation {
    /// `snake_case`, unique.
    pub id: String,
    /// Lower case.
    pub method: String,
    /// Template, with parameters in braces.
    pub path: String,
    /// The resource.
    pub tag: String,
    /// The name of its method in the resource: `x-method`, or the id without the words of the tag.
    pub verb: String,
    /// Whether sending it twice has the effect of sending it once.
    pub idempotent: bool,
    /// Whether it removes something for good: a DELETE, or `x-destructive: true`.
    pub destructive: bool,
    /// What to use instead of it.
    pub deprecated: Option<String>,
    /// Page of the API reference.
    pub source: String,
    /// One line.
    pub summary: String,
    /// Markdown; may be empty.
    pub description: String,
    /// In the order of the path.
    pub parameters: Vec<Parameter>,
    /// The enum that identifies the object, if another operation does the same with another kind of identifier.
    pub identifier: Option<String>,
    /// The struct of the path arguments, if there are more than two, or two of one type.
    pub path_type: Option<String>,
    /// The type that holds the query parameters, if there are any. Several operations may share it.
    pub query: Option<String>,
    /// What is in the request's body.
    pub body: Option<Body>,
    /// What a successful response holds: a component, a list or a map.
    pub response: Option<Kind>,
    /// Whether 304 is documented.
    pub not_modified: bool,
    /// The documented error statuses, in order.
    pub errors: Vec<u16>,
}

impl Api {
    /// The object with this name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        match self.types.get(name) {
            Some(Type::Object(object)) => Some(object),
            _ => None,
        }
    }

    /// How the resource of a tag is accessed from a customer.
    pub fn scope(&self, tag: &str) -> Scope {
        let mut operations = self.operations.iter().filter(|operation| operation.tag == tag);
        if tag == CUSTOMERS {
            Scope::Itself
        } else if operations
            .clone()
            .any(|operation| operation.customer_parameter().is_some())
        {
            Scope::Within
        } else if operations.any(|operation| operation.customer_field(self).is_some()) {
            Scope::Limited
        } else {
            Scope::None
        }
    }

    /// The structs of required fields, by name. Objects that share one have the same required fields.
    pub fn required_types(&self) -> BTreeMap<&str, RequiredType<'_>> {
        let mut found: BTreeMap<&str, RequiredType<'_>> = BTreeMap::new();
        for object in self.types.values().filter_map(Type::object) {
            let Some(name) = &object.required_type else { continue };
            let fields = || object.required().collect();
            let known = found.entry(name).or_insert_with(|| RequiredType {
                home: object.home.clone(),
                fields: fields(),
            });
            if known.home != object.home {
                known.home = Home::Shared;
            }
        }
        found
    }

    /// The enums that identify objects, by name. Methods that share one identify the object by the same parameters.
    pub fn identifiers(&self) -> BTreeMap<&str, Identified<'_>> {
        let all = self.operations.iter().rev();
        all.filter_map(|operation| operation.identified(self))
            .map(|identified| (identified.name, identified))
            .collect()
    }

    /// The structs of path arguments, by name. Operations that share one have the same path parameters.
    pub fn path_types(&self) -> BTreeMap<&str, PathType<'_>> {
        let mut found: BTreeMap<&str, PathType<'_>> = BTreeMap::new();
        for operation in &self.operations {
            let Some(name) = &operation.path_type else { continue };
            let home = Home::Tag(operation.tag.clone());
            let known = found.entry(name).or_insert_with(|| PathType {
                home: home.clone(),
                fields: &operation.parameters,
            });
            if known.home != home {
                known.home = Home::Shared;
            }
        }
        found
    }
}

/// How the object of an update is read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// The operation that reads it.
    pub get: &'a Operation,
    /// If no GET has both identifiers: the operation that lists only this object, filtered by its identifier in the
    /// update's query.
    pub list: Option<&'a Operation>,
}

/// Two operations that are one method: what identifies the object is in the path of one, and in the query of the other.
#[derive(Debug, Clone, Copy)]
pub struct Identified<'a> {
    /// The enum that the method takes.
    pub name: &'a str,
    /// The path parameter.
    pub parameter: &'a Parameter,
    /// The operation with the query.
    pub by_query: &'a Operation,
    /// The query of the operation with the path; the other's query contains the same parameters.
    options: Option<&'a Object>,
    /// The query of the other.
    query: Option<&'a Object>,
}

impl<'a> Identified<'a> {
    /// The query parameters that identify the object: those that the operation with the path does not have.
    pub fn keys(&self) -> impl Iterator<Item = &'a Property> + use<'a> {
        let options = self.options;
        let is_option = move |p: &Property| options.is_some_and(|options| options.property(&p.name).is_some());
        let all = self.query.into_iter().flat_map(|query| &query.properties);
        all.filter(move |p| !is_option(p))
    }

    /// The variants for the path and for the query: the names of the parameters without the words of the tag. Of several
    /// parameters, the last one counts: `data_source_uuid` and `external_id` are `ExternalId`.
    pub fn variants(&self) -> [String; 2] {
        let variant = |field: &str| crate::names::pascal(&crate::names::verb(field, &self.by_query.tag));
        let key = self.keys().last().map_or("", |key| &key.field);
        [variant(&self.parameter.field), variant(key)]
    }
}

/// A struct of the required values of a request.
#[derive(Debug)]
pub struct RequiredType<'a> {
    /// Its module.
    pub home: Home,
    /// In the order of the document.
    pub fields: Vec<&'a Property>,
}

/// A struct of the arguments of a path.
#[derive(Debug)]
pub struct PathType<'a> {
    /// Its module.
    pub home: Home,
    /// In the order of the path.
    pub fields: &'a [Parameter],
}

/// An argument of the method that makes a request.
#[derive(Debug, Clone)]
pub struct Argument<'a> {
    /// Its name in Rust.
    pub name: String,
    /// Its value.
    pub value: ArgumentValue<'a>,
}

/// The value of an argument.
#[derive(Debug, Clone)]
pub enum ArgumentValue<'a> {
    /// A path parameter.
    Path(&'a Parameter),
    /// An identifier: in the path of one operation, or in the query of another.
    Identifier(Identified<'a>),
    /// All path parameters, in a struct of this name.
    PathStruct(&'a str),
    /// A required query parameter.
    Query(&'a Property),
    /// All required query parameters, in a struct of this name.
    QueryStruct(&'a str),
    /// A required field of the body.
    Body(&'a Property),
    /// All required fields of the body, in a struct of this name.
    BodyStruct(&'a str),
}

impl Operation {
    /// The component that a successful response holds.
    pub fn response_component(&self) -> Option<String> {
        match &self.response {
            Some(Kind::Ref(name)) => Some(name.clone()),
            _ => None,
        }
    }

    /// The component in the body; that of the envelope, if there is one.
    pub fn body_component(&self) -> Option<String> {
        self.body.as_ref().map(|body| body.component.clone())
    }

    /// The object whose fields the builder has: the body, without the envelope.
    pub fn body_object<'a>(&self, api: &'a Api) -> Option<&'a Object> {
        api.object(self.body.as_ref()?.inner())
    }

    /// Whether its query identifies the object, and it shares its method with an operation whose path does.
    pub fn is_by_query(&self) -> bool {
        self.identifier.is_some() && self.parameters.is_empty()
    }

    /// Whether both operations are one method of the same resource.
    pub fn is_one_with(&self, other: &Self) -> bool {
        let method = |operation: &Self| (operation.tag.clone(), operation.method.clone(), operation.verb.clone());
        self.identifier.is_some() && self.identifier == other.identifier && method(self) == method(other)
    }

    /// The operation that shares this one's method, if this is the one with the path.
    pub fn identified<'a>(&'a self, api: &'a Api) -> Option<Identified<'a>> {
        let (name, parameter) = (self.identifier.as_ref()?, self.parameters.first()?);
        let mut operations = api.operations.iter();
        let by_query = operations.find(|other| other.is_by_query() && other.is_one_with(self))?;
        Some(Identified {
            name,
            parameter,
            by_query,
            options: self.query_object(api),
            query: by_query.query_object(api),
        })
    }

    /// The query parameters.
    pub fn query_object<'a>(&self, api: &'a Api) -> Option<&'a Object> {
        api.object(self.query.as_ref()?)
    }

    /// The entries of its pages, if the list has pages: the response has `cursor` and `has_more`, the query an
    /// optional `cursor`. Other lists are read in one request.
    pub fn pages<'a>(&self, api: &'a Api) -> Option<&'a Property> {
        let entries = api.object(&self.response_component()?)?.page()?;
        let cursor = self.query_object(api)?.property("cursor")?;
        (!cursor.required && cursor.kind == Kind::String).then_some(entries)
    }

    /// The operation that reads the complete object of an update: a GET at the same path with the same response, whose
    /// query is part of this one's or optional. An object with two kinds of identifiers is read by both.
    pub fn read<'a>(&self, api: &'a Api) -> Option<Read<'a>> {
        let is_get = |other: &&Self| other.method == "get" && other.path == self.path;
        let get = api.operations.iter().find(is_get)?;
        let one_object = matches!(get.response, Some(Kind::Ref(_))) && get.response == self.response;
        let parts = |operation: &Self| -> Vec<_> {
            let parameters = operation.parameters.iter();
            parameters.map(|part| (part.field.clone(), part.kind.clone())).collect()
        };
        let query = self.query_object(api);
        let required: Vec<_> = get.query_object(api).into_iter().flat_map(Object::required).collect();
        let is_given = |wanted: &&Property| {
            let own = query.and_then(|query| query.property(&wanted.name));
            own.is_some_and(|own| own.required && own.kind == wanted.kind && own.field == wanted.field)
        };
        // One of the alternatives is required, but which one is unknown here.
        let has_alternatives = get.query_object(api).is_some_and(|query| !query.one_of.is_empty());
        let identified = !has_alternatives && (!self.parameters.is_empty() || !required.is_empty());
        let fits = self.method == "patch" && self.body.is_some() && one_object && identified;
        if !fits || parts(get) != parts(self) || !required.iter().all(is_given) {
            return None;
        }
        let list = self
            .identified(api)
            .and_then(|identified| self.lists_one(api, &identified));
        let is_whole = get.identifier == self.identifier;
        (is_whole || list.is_some()).then_some(Read {
            get,
            list: list.filter(|_| !is_whole),
        })
    }

    /// The operation that lists only the object of an update: a GET at the path of the update with the query, whose filters
    /// include all parts of the identifier.
    fn lists_one<'a>(&self, api: &'a Api, identified: &Identified<'_>) -> Option<&'a Self> {
        let is_list = |other: &&Self| other.method == "get" && other.path == identified.by_query.path;
        let list = api.operations.iter().find(is_list)?;
        let entries = Some(Kind::List(Box::new(self.response.clone()?)));
        let filters = list.query_object(api)?;
        let has = |key: &Property| {
            filters
                .property(&key.name)
                .is_some_and(|filter| filter.kind == key.kind)
        };
        let is_free = list.parameters.is_empty() && filters.one_of.is_empty() && filters.required().next().is_none();
        let fits = is_free && list.pages(api).map(|page| &page.kind) == entries.as_ref() && identified.keys().all(has);
        fits.then_some(list)
    }

    /// Whether custom attributes can be merged with existing ones: the object can be read, and its custom attributes are
    /// replaced.
    pub fn merges_custom(&self, api: &Api) -> bool {
        let sent = |object: &Object| {
            object.property("custom").is_some_and(|custom| {
                let items = Kind::List(Box::new(Kind::Ref("CustomAttribute".to_owned())));
                custom.kind == items && custom.replaces_all && !custom.required && !custom.nullable
            })
        };
        let received = |object: &Object| {
            let custom = object.property("custom");
            custom.is_some_and(|custom| custom.kind == Kind::Ref("CustomAttributes".to_owned()))
        };
        let attribute = api.object("CustomAttribute").is_some_and(Object::is_custom_attribute);
        let response = self.response_component().and_then(|name| api.object(&name));
        attribute
            && self.read(api).is_some_and(|read| read.list.is_none())
            && self.body_object(api).is_some_and(sent)
            && response.is_some_and(received)
    }

    /// The path parameter that names a customer, if the method has at most one other path parameter.
    pub fn customer_parameter(&self) -> Option<&Parameter> {
        let is_customer = |parameter: &&Parameter| parameter.name == CUSTOMER_UUID && parameter.kind == Kind::String;
        let found = self.parameters.iter().find(is_customer)?;
        (self.identifier.is_none() && self.parameters.len() <= 2).then_some(found)
    }

    /// What limits the operation to a customer: a query parameter of a list, or a field of a new object.
    pub fn customer_field<'a>(&self, api: &'a Api) -> Option<CustomerField<'a>> {
        let optional = |object: &'a Object| {
            let property = object.property(CUSTOMER_UUID)?;
            (!property.required && !property.nullable && property.kind == Kind::String).then_some(property)
        };
        if self.pages(api).is_some() {
            return self.query_object(api).and_then(optional).map(CustomerField::Query);
        }
        let body = self.body_object(api).filter(|_| self.method == "post");
        body.and_then(optional).map(CustomerField::Body)
    }

    /// The arguments of the method that creates the request: first those of the path, then the required values of the query
    /// and the body. Their names are unique.
    pub fn arguments<'a>(&'a self, api: &'a Api) -> Vec<Argument<'a>> {
        let argument = |name: &str, value| Argument {
            name: name.to_owned(),
            value,
        };
        let of_struct = |name: &'a str, value| argument(&crate::names::field(name), value);
        let mut arguments = Vec::new();
        match (&self.path_type, self.identified(api)) {
            (_, Some(identified)) => arguments.push(argument("identifier", ArgumentValue::Identifier(identified))),
            (Some(name), None) => arguments.push(of_struct(name, ArgumentValue::PathStruct(name))),
            (None, None) => {
                let path = self.parameters.iter();
                arguments.extend(path.map(|part| argument(&part.field, ArgumentValue::Path(part))));
            }
        }
        if let Some(query) = self.query_object(api) {
            match &query.required_type {
                Some(name) => arguments.push(of_struct(name, ArgumentValue::QueryStruct(name))),
                None => arguments.extend(query.required().map(|p| argument(&p.field, ArgumentValue::Query(p)))),
            }
        }
        if let Some(body) = self.body_object(api) {
            match &body.required_type {
                Some(name) => arguments.push(of_struct(name, ArgumentValue::BodyStruct(name))),
                None => arguments.extend(body.required().map(|p| argument(&p.field, ArgumentValue::Body(p)))),
            }
        }
        arguments
    }
}

impl Body {
    /// The component whose fields the builder has: the one in the envelope, or the body itself.
    pub fn inner(&self) -> &str {
        self.envelope.as_ref().map_or(&self.component, |(_, inner)| inner)
    }
}

impl Type {
    /// The object, if it is one.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The module of its type; `None` if the type is handwritten.
    pub fn home(&self) -> Option<&Home> {
        match self {
            Self::Object(object) => Some(&object.home),
            Self::OpenEnum(known) => Some(&known.home),
            Self::Handwritten { .. } => None,
        }
    }
}

impl Object {
    /// The property with this name on the wire.
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.name == name)
    }

    /// The required properties, in the order of the document.
    pub fn required(&self) -> impl Iterator<Item = &Property> {
        self.properties.iter().filter(|property| property.required)
    }

    /// The entries, if this is a page.
    pub fn page(&self) -> Option<&Property> {
        let has = |name, kind| self.property(name).is_some_and(|property| property.kind == kind);
        let entries = self.properties.iter().find(|property| property.entries)?;
        (has("cursor", Kind::String) && has("has_more", Kind::Boolean)).then_some(entries)
    }

    /// Whether this object is a custom attribute, which handwritten code builds.
    fn is_custom_attribute(&self) -> bool {
        let kind = |name| self.property(name).map(|property| (&property.kind, property.required));
        let value = Kind::Ref("CustomAttributeValue".to_owned());
        kind("key") == Some((&Kind::String, true))
            && kind("value") == Some((&value, true))
            && self.required().count() == 2
            && self.required_type.is_none()
    }

    /// The property for the type of a custom attribute, which is set from its value.
    pub fn attribute_type(&self) -> Option<&Property> {
        let of_type = Kind::Ref("CustomAttributeType".to_owned());
        let property = self.property("type").filter(|property| property.kind == of_type);
        property.filter(|property| !property.required && !property.nullable && self.is_custom_attribute())
    }
}

impl Kind {
    /// The component that it refers to, within lists and maps.
    pub fn component(&self) -> Option<&str> {
        match self {
            Self::Ref(name) => Some(name),
            Self::List(inner) | Self::Map(inner) => inner.component(),
            _ => None,
        }
    }
}

/// The body of a request.
#[derive(Debug)]
pub struct Body {
    /// The component, which may be an envelope.
    pub component: String,
    /// Whether it must be sent.
    pub required: bool,
    /// The only key of an envelope, and the component inside.
    pub envelope: Option<(String, String)>,
    /// The first example, as it is sent.
    pub example: Option<Value>,
}

/// A path parameter. Always required.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// As in the path.
    pub name: String,
    /// In Rust.
    pub field: String,
    /// Markdown.
    pub description: String,
    /// Text or an integer.
    pub kind: Kind,
    /// What is allowed.
    pub limits: Limits,
    /// What to use instead of it.
    pub deprecated: Option<String>,
    /// An example.
    pub example: Option<Value>,
}

/// A component.
#[derive(Debug)]
pub enum Type {
    /// An object in a request or a response.
    Object(Object),
    /// A string with known values, and others.
    OpenEnum(OpenEnum),
    /// Written by hand in `chartmogul-api`.
    Handwritten {
        /// Its path in Rust.
        rust: &'static str,
        /// What is allowed for a value of it.
        limits: Limits,
    },
}

/// The direction of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the client.
    Request,
    /// From the server.
    Response,
    /// From the client, in the query: the object is made of parameters and is no component.
    Query,
}

/// The file and module of a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// In the file of a tag.
    Tag(String),
    /// Elsewhere.
    Shared,
}

/// A component that is an object, or the query parameters of an operation.
#[derive(Debug, PartialEq)]
pub struct Object {
    /// Its direction.
    pub direction: Direction,
    /// Its module.
    pub home: Home,
    /// Markdown.
    pub description: String,
    /// Whether an object without fields is refused.
    pub not_empty: bool,
    /// Groups of fields; exactly one group is given completely.
    pub one_of: Vec<Vec<String>>,
    /// The struct of the required values, if there are more than two, or two of one type. Several objects may share it.
    pub required_type: Option<String>,
    /// Whether it is part of another component of a request.
    pub nested: bool,
    /// In the order of the document.
    pub properties: Vec<Property>,
}

/// A field of an object.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools)] // each is a keyword of the document
pub struct Property {
    /// On the wire.
    pub name: String,
    /// In Rust.
    pub field: String,
    /// Markdown; that of the component for a reference.
    pub description: String,
    /// Whether it must be there.
    pub required: bool,
    /// Whether it may be `null`.
    pub nullable: bool,
    /// Whether sending it replaces a whole collection.
    pub replaces_all: bool,
    /// Whether it is the list that a response is about.
    pub entries: bool,
    /// What to use instead of it.
    pub deprecated: Option<String>,
    /// Its type.
    pub kind: Kind,
    /// What is allowed; for a list or a map, what is allowed for each item.
    pub limits: Limits,
    /// Fewest items of a list.
    pub min_items: u64,
    /// An example.
    pub example: Option<Value>,
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    String,
    /// A calendar day.
    Date,
    /// An instant; where the document allows both, a day means its beginning in UTC.
    Timestamp,
    /// 64 bit.
    Integer,
    /// A decimal number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A value of any shape.
    Any,
    /// A component.
    Ref(String),
    /// A list.
    List(Box<Kind>),
    /// An object with free keys.
    Map(Box<Kind>),
}

/// What the document allows for a value.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Hyphenated UUID.
    pub uuid: bool,
    /// Fewest characters.
    pub min_length: Option<u64>,
    /// Most characters.
    pub max_length: Option<u64>,
    /// Regular expression, and what it means.
    pub pattern: Option<(String, String)>,
    /// Smallest value.
    pub minimum: Option<i64>,
    /// Largest value.
    pub maximum: Option<i64>,
}

/// A string with known values, and others.
#[derive(Debug)]
pub struct OpenEnum {
    /// Its module.
    pub home: Home,
    /// Markdown.
    pub description: String,
    /// Value on the wire, and variant in Rust.
    pub values: Vec<(String, String)>,
}
