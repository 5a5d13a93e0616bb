//! How a tracepoint's fields lie in memory, as its `format` file in tracefs says.
//!
//! ```text
//! field:const void * skaddr;  offset:8;   size:8;  signed:0;
//! field:__u8 saddr[4];        offset:32;  size:4;  signed:0;
//! ```

use std::collections::HashMap;

/// The fields of one tracepoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    fields: HashMap<String, Field>,
}

/// Where a field lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Bytes from the beginning of the event.
    pub offset: u32,
    /// How many bytes it is long.
    pub size: u32,
}

impl Format {
    /// Reads the text of a `format` file. Lines that are not fields, or not understood, are passed over.
    pub fn parse(text: &str) -> Self {
        Self { fields: text.lines().filter_map(field).collect() }
    }

    /// Returns where a field lies.
    pub fn field(&self, name: &str) -> Option<Field> {
        self.fields.get(name).copied()
    }
}

fn field(line: &str) -> Option<(String, Field)> {
    let mut parts = line.trim().split(';').map(str::trim);
    let declaration = parts.next()?.strip_prefix("field:")?;
    let offset = parts.next()?.strip_prefix("offset:")?.parse().ok()?;
    let size = parts.next()?.strip_prefix("size:")?.parse().ok()?;
    // A C declaration: the name comes last, an array's length after it.
    let name = declaration.split('[').next()?.rsplit([' ', '*']).find(|word| !word.is_empty())?;
    Some((name.to_owned(), Field { offset, size }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_are_found_by_name_whatever_their_type() {
        let text = "name: inet_sock_set_state\nID: 2287\nformat:\n\
            \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n\
            \tfield:const void * skaddr;\toffset:8;\tsize:8;\tsigned:0;\n\
            \tfield:char *buf;\toffset:24;\tsize:8;\tsigned:0;\n\
            \tfield:__u8 saddr[4];\toffset:32;\tsize:4;\tsigned:0;\n\
            \tfield:__data_loc char[] filename;\toffset:40;\tsize:4;\tsigned:0;\n\n\
            print fmt: \"family=%s; offset:1; size:2;\", REC->family\n";
        let format = Format::parse(text);
        for (name, offset, size) in
            [("common_type", 0, 2), ("skaddr", 8, 8), ("buf", 24, 8), ("saddr", 32, 4)]
        {
            assert_eq!(format.field(name), Some(Field { offset, size }), "{name}");
        }
        assert_eq!(format.field("family"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,200}") {
            Format::parse(&text);
            Format::parse(&format!("field:{text};\toffset:{text};\tsize:4;"));
        }

        #[test]
        fn every_field_is_found_again(
            fields in proptest::collection::hash_map("[a-z_][a-z0-9_]{0,20}", (any::<u32>(), any::<u32>()), 0..20)
        ) {
            let text: String = fields
                .iter()
                .map(|(name, (offset, size))| format!("\tfield:unsigned long {name};\toffset:{offset};\tsize:{size};\tsigned:0;\n"))
                .collect();
            let format = Format::parse(&text);
            for (name, (offset, size)) in fields {
                prop_assert_eq!(format.field(&name), Some(Field { offset, size }));
            }
        }
    }
}
