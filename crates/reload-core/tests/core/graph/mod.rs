//! Names, edges, order and generations.

mod affected;
mod drawing;
mod generations;
mod order;
mod publications;
