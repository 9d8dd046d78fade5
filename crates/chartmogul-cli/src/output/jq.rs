//! Filters in the language of jq, by jaq, which keeps integers of any size exact.

use jaq_core::{
    Compiler, Ctx, Vars, data,
    load::{Arena, File, Loader},
    unwrap_valr,
};
use jaq_json::{Val, read};

use crate::error::{CliError, Exit};

/// Functions of jq that are disabled: a filter must neither end the program, perhaps in the middle of a run, nor read
/// its environment, which may contain the API key.
const OF_THE_PROGRAM: [&str; 3] = ["env", "halt", "halt_error"];

/// A filter that is ready to run.
pub(crate) struct Filter(jaq_core::Filter<data::JustLut<Val>>);

impl Filter {
    /// # Errors
    /// The text is no filter.
    pub(crate) fn new(code: &str) -> Result<Self, CliError> {
        let wrong = |what: &str| {
            let message = format!("--jq {code:?} is not a filter: {what}");
            CliError::usage(message).field("jq")
        };
        let is_ours = |name: &str| OF_THE_PROGRAM.contains(&name);
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let definitions = definitions.filter(|definition| !is_ours(definition.name));
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let functions = functions.filter(|(name, ..)| !is_ours(name));
        let arena = Arena::default();
        let modules = Loader::new(definitions)
            .load(&arena, File { code, path: () })
            .map_err(|_| wrong("it can't be parsed"))?;
        let filter = Compiler::default()
            .with_funs(functions)
            .compile(modules)
            .map_err(|errors| {
                let names = errors
                    .iter()
                    .flat_map(|(_, undefined)| undefined.iter().map(|(name, _)| format!("`{name}`")));
                wrong(&format!("{} is not defined", names.collect::<Vec<_>>().join(", ")))
            })?;
        Ok(Self(filter))
    }

    /// Passes each output for a JSON text to `each`: texts as they are, other values as JSON on one line.
    ///
    /// # Errors
    /// The filter fails.
    pub(crate) fn run(&self, json: &str, mut each: impl FnMut(&str) -> Result<(), CliError>) -> Result<(), CliError> {
        let failed = |what: String| CliError::new(Exit::Usage, "jq", format!("--jq: {what}")).field("jq");
        let input = read::parse_single(json.as_bytes()).map_err(|error| failed(error.to_string()))?;
        let context = Ctx::<data::JustLut<Val>>::new(&self.0.lut, Vars::new([]));
        for value in self.0.id.run((context, input)).map(unwrap_valr) {
            let value = value.map_err(|error| failed(error.to_string()))?.to_string();
            match serde_json::from_str::<String>(&value) {
                Ok(text) => each(&text)?,
                Err(_) => each(&value)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(filter: &str, json: &str) -> Vec<String> {
        let mut out = Vec::new();
        let done = Filter::new(filter).unwrap().run(json, |value| {
            out.push(value.to_owned());
            Ok(())
        });
        done.unwrap();
        out
    }

    #[test]
    fn integers_stay_exact_and_texts_lose_their_quotes() {
        let json = r#"[{"n":9223372036854775807,"t":"a"},{"n":12345678901234567890123,"t":"b\n"}]"#;
        assert_eq!(run("map(.n)", json), ["[9223372036854775807,12345678901234567890123]"]);
        assert_eq!(run(".[].t", json), ["a", "b\n"]);
        assert_eq!(run("length, .[0].x", json), ["2", "null"]);
        assert_eq!(run("[.[].n] | add", json), ["12354902273271422665930"]);
    }

    #[test]
    fn what_is_no_filter_says_so() {
        for (filter, said) in [
            (".[", "can't be parsed"),
            ("nothing_like_it", "`nothing_like_it` is not defined"),
            ("env", "`env` is not defined"),
            ("halt_error", "`halt_error` is not defined"),
            // The help of --jq names these.
            (".[] | @csv", "`@csv` is not defined"),
            (".[] | @tsv", "`@tsv` is not defined"),
            ("[inputs]", "`inputs` is not defined"),
            ("$ENV", "`$ENV` is not defined"),
        ] {
            let error = Filter::new(filter).err().unwrap().to_string();
            assert!(error.contains(said), "{error}");
        }
        let error = Filter::new(".a").unwrap().run("[1]", |_| Ok(())).unwrap_err();
        assert_eq!(error.exit(), Exit::Usage);
    }
}
