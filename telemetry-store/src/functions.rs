//! Functions for queries: each is one lookup by a small integer.

use std::{
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use datafusion::{
    arrow::{
        array::{ArrayRef, StringArray, UInt32Array},
        compute::{TakeOptions, take},
        datatypes::DataType,
    },
    common::{exec_err, plan_err},
    error::Result,
    logical_expr::{
        ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
    scalar::ScalarValue,
};

use crate::resources::Resources;

/// Makes `tag(resource_id, key)`: the value of a resource's tag, null where it has none.
///
/// This is how tags are joined: values of a key lie in an array by id, so that the join is one `take` and no hash table.
pub fn tag(resources: Arc<Resources>) -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::UInt32, DataType::Utf8], Volatility::Immutable);
    ScalarUDF::from(Lookup {
        name: "tag".to_owned(),
        signature,
        result: DataType::Utf8,
        values: Values::Tag(resources),
    })
}

/// Makes a function that gives words for codes.
pub fn words(name: &str, words: impl IntoIterator<Item = &'static str>) -> ScalarUDF {
    let words = StringArray::from_iter_values(words);
    let signature = Signature::exact(vec![DataType::UInt8], Volatility::Immutable);
    let values = Values::Fixed(Arc::new(words));
    ScalarUDF::from(Lookup { name: name.to_owned(), signature, result: DataType::Utf8, values })
}

/// Makes a function that gives the group of a resource, null for those in none, and applies it to `of`.
pub fn group(of: Expr, groups: UInt32Array) -> Expr {
    let signature = Signature::exact(vec![DataType::UInt32], Volatility::Immutable);
    let values = Values::Fixed(Arc::new(groups));
    ScalarUDF::from(Lookup { name: "group_of".to_owned(), signature, result: DataType::UInt32, values })
        .call(vec![of])
}

struct Lookup {
    name: String,
    signature: Signature,
    result: DataType,
    values: Values,
}

enum Values {
    /// By the first argument.
    Fixed(ArrayRef),
    /// By the first argument, of the key that is the second.
    Tag(Arc<Resources>),
}

impl Values {
    fn address(&self) -> *const () {
        match self {
            Self::Fixed(values) => Arc::as_ptr(values).cast(),
            Self::Tag(resources) => Arc::as_ptr(resources).cast(),
        }
    }
}

impl ScalarUDFImpl for Lookup {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let values: ArrayRef = match (&self.values, args.args.get(1)) {
            (Values::Fixed(values), _) => Arc::clone(values),
            (Values::Tag(resources), Some(ColumnarValue::Scalar(ScalarValue::Utf8(Some(key))))) => {
                resources.tag(key)
            }
            (Values::Tag(_), _) => return plan_err!("the key of tag(resource_id, key) is a constant text"),
        };
        let Some(indices) = args.args.first() else { return exec_err!("{} needs an argument", self.name) };
        let checked = Some(TakeOptions { check_bounds: true });
        match indices {
            ColumnarValue::Array(indices) => Ok(ColumnarValue::Array(take(&values, indices, checked)?)),
            ColumnarValue::Scalar(index) => {
                let taken = take(&values, &index.to_array()?, checked)?;
                Ok(ColumnarValue::Scalar(ScalarValue::try_from_array(&taken, 0)?))
            }
        }
    }
}

// Two lookups are the same when they look into the same place.

impl PartialEq for Lookup {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.values.address() == other.values.address()
    }
}

impl Eq for Lookup {}

impl Hash for Lookup {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.values.address().hash(state);
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup").field("name", &self.name).finish_non_exhaustive()
    }
}
