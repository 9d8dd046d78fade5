use crate::Error;

/// What became of a request that may find nothing to change.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome<T> {
    /// It was done; the object as it is now.
    Updated(T),
    /// The server found nothing to change, and said nothing else.
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
