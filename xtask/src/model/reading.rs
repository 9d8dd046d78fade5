//! Which operation reads what another one updates.

use super::{Api, Identified, Kind, Object, Operation, Property};

/// How the object of an update is read.
#[derive(Debug, Clone, Copy)]
pub struct Read<'a> {
    /// The operation that reads it.
    pub get: &'a Operation,
    /// If no GET has both identifiers: the operation that lists only this object, filtered by its identifier in the
    /// update's query.
    pub list: Option<&'a Operation>,
}

impl Operation {
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
}
