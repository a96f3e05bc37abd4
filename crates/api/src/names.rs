//! Enums that a client reads.

/// Declares an enum by its names on the wire. A client reads a name of another release as
/// `Unknown`: one value must not fail a whole list.
macro_rules! names {
    ($(#[$about:meta])* $name:ident { $($(#[$about_one:meta])* $variant:ident = $text:tt,)+ }) => {
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize, utoipa::ToSchema,
        )]
        pub enum $name {
            $($(#[$about_one])* #[serde(rename = $text)] $variant,)+
            // `skip_serializing` only keeps it out of the schema: no server sends it
            #[serde(other, skip_serializing)]
            Unknown,
        }

        impl $name {
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Unknown => "unrecognized",
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }
    };
}

pub(crate) use names;
