//! Goes through JSON without taking it apart: what is in an object or a list stays the text that it is.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::{InvalidInput, value::field::Name};

/// Where something is in an object or a list.
#[derive(Clone, Copy)]
pub(super) enum Key<'a> {
    Field(&'a str),
    Item(usize),
}

/// Looks at a field or an item: at its key and its JSON.
type Each<'a> = dyn FnMut(Key<'_>, &str) -> Result<(), InvalidInput> + 'a;

/// Goes through an object or a list, until something is refused. `Err(None)`: it is neither.
pub(super) fn each(json: &[u8], each: &mut Each<'_>) -> Result<(), Option<InvalidInput>> {
    let mut refused = None;
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    let result = deserializer.deserialize_any(Walk {
        each,
        refused: &mut refused,
    });
    match result.and_then(|()| deserializer.end()) {
        Ok(()) => Ok(()),
        Err(_) => Err(refused),
    }
}

/// The text that JSON is; `None` if it is something else.
pub(super) fn text(json: &str) -> Option<Name<'_>> {
    serde_json::from_str(json).ok()
}

struct Walk<'a, 'e> {
    each: &'a mut Each<'e>,
    refused: &'a mut Option<InvalidInput>,
}

impl Walk<'_, '_> {
    fn look<E: serde::de::Error>(&mut self, key: Key<'_>, json: &RawValue) -> Result<(), E> {
        (self.each)(key, json.get()).map_err(|refused| {
            *self.refused = Some(refused);
            E::custom("refused")
        })
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut object: A) -> Result<(), A::Error> {
        while let Some(name) = object.next_key::<Name<'de>>()? {
            self.look(Key::Field(name.as_str()), object.next_value()?)?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<(), A::Error> {
        let mut place = 0;
        while let Some(json) = list.next_element::<&RawValue>()? {
            self.look(Key::Item(place), json)?;
            place += 1;
        }
        Ok(())
    }
}
