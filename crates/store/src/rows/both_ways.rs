//! Conversions between a type and how it is stored, member by member.

/// `From` both ways between a type and its row. Every member is named once, and both sides are taken apart
/// as a whole: a member that one of them gains does not compile until it stands here.
///
/// A member is moved; `(into)`, `(optional)` and `(all)` convert one, one that may be missing, and a list.
/// With `apart State` the state is left out of the row, and comes back by `with_state`; a member that is
/// named by `without` is found anew whenever it is wanted, and never stored.
macro_rules! both_ways {
    ($type:ident => $row:ident { $($members:tt)* }) => {
        both_ways!(@struct $type => $row { $($members)* });
        both_ways!(@struct $row => $type { $($members)* });
    };
    (enum $type:ident => $row:ident { $($variants:tt)* }) => {
        both_ways!(@enum $type => $row { $($variants)* });
        both_ways!(@enum $row => $type { $($variants)* });
    };
    ($type:ident => $row:ident, apart $state:ident $(without $left:ident)? { $($member:ident $(($how:ident))?),+ $(,)? }) => {
        impl From<&$type> for $row {
            fn from(value: &$type) -> Self {
                let $type { $($member,)+ state: _, $($left: _)? } = value.clone();
                Self { $($member: both_ways!(@member $member $($how)?)),+ }
            }
        }

        impl $row {
            /// The whole, in the state that was stored beside its row.
            pub(super) fn with_state(self, state: $state) -> $type {
                let Self { $($member),+ } = self;
                $type {
                    $($member: both_ways!(@member $member $($how)?),)+
                    state: state.into(),
                    $($left: None,)?
                }
            }
        }
    };
    (@struct $from:ident => $to:ident { $($member:ident $(($how:ident))?),+ $(,)? }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                let $from { $($member),+ } = value;
                Self { $($member: both_ways!(@member $member $($how)?)),+ }
            }
        }
    };
    (@enum $from:ident => $to:ident {
        $($variant:ident { $($member:ident $(($how:ident))?),* $(,)? }),+ $(,)?
    }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $($from::$variant { $($member),* } => Self::$variant {
                        $($member: both_ways!(@member $member $($how)?)),*
                    }),+
                }
            }
        }
    };
    (@member $member:ident) => { $member };
    (@member $member:ident into) => { $member.into() };
    (@member $member:ident optional) => { $member.map(Into::into) };
    (@member $member:ident all) => { $member.into_iter().map(Into::into).collect() };
}

pub(super) use both_ways;
