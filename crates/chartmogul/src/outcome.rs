use crate::Error;

/// Result of an update that may find nothing to change.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// The object was updated; this is its new state.
    Updated(T),
    /// The server found nothing to change (304), and did not send the object.
    NotModified,
}

impl<T> Outcome<T> {
    pub(crate) fn of(result: Result<T, Error>) -> Result<Self, Error> {
        match result {
            Ok(value) => Ok(Self::Updated(value)),
            Err(Error::NotModified(_)) => Ok(Self::NotModified),
            Err(error) => Err(error),
        }
    }

    /// The object, if the server sent it.
    pub fn updated(self) -> Option<T> {
        match self {
            Self::Updated(value) => Some(value),
            Self::NotModified => None,
        }
    }
}
