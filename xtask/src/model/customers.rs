//! How what belongs to a customer is reached from that customer.

use super::{Api, Kind, Object, Operation, Parameter, Property, Tag};

/// The parameter that names a customer, in every path and every query.
const CUSTOMER_UUID: &str = "customer_uuid";

/// The resource whose objects have a scope: `Client::customer`.
const CUSTOMERS: &str = "customers";

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

impl Api {
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
}

impl Operation {
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
}
