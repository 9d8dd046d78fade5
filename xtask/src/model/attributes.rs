//! Custom attributes: whether they can be merged, and what one is made of.

use super::{Api, Kind, Object, Operation, Property};

impl Operation {
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
}

impl Object {
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
