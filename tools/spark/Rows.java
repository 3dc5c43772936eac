// Runs statements on Spark for the tests, one after the other, in one process.
//
// A request is a line with a number of bytes, and that many bytes of SQL. An answer is a line of one
// word, `rows` or `error`, and a number of bytes, and that many bytes: the rows as a query that
// DuckDB reads, with every value cast to its type, or the message. Spark's own words go to stderr.

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.Period;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Timer;
import java.util.TimerTask;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.BooleanType;
import org.apache.spark.sql.types.ByteType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DateType;
import org.apache.spark.sql.types.DayTimeIntervalType;
import org.apache.spark.sql.types.DecimalType;
import org.apache.spark.sql.types.DoubleType;
import org.apache.spark.sql.types.FloatType;
import org.apache.spark.sql.types.IntegerType;
import org.apache.spark.sql.types.LongType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.NullType;
import org.apache.spark.sql.types.ShortType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.types.TimestampNTZType;
import org.apache.spark.sql.types.TimestampType;
import org.apache.spark.sql.types.YearMonthIntervalType;

public final class Rows {
    /** Longest that one statement may take. */
    private static final long MAX_MS = 240_000;
    private static final long DAY = 86_400_000_000L;

    public static void main(String[] args) throws IOException {
        PrintStream out = System.out;
        System.setOut(System.err);
        SparkSession spark = SparkSession.builder().getOrCreate();
        Timer timer = new Timer(true);
        DataInputStream in = new DataInputStream(System.in);
        while (true) {
            byte[] request = read(in);
            if (request == null) {
                break;
            }
            TimerTask stop = new TimerTask() {
                @Override
                public void run() {
                    spark.sparkContext().cancelAllJobs();
                }
            };
            timer.schedule(stop, MAX_MS);
            String word = "rows";
            String answer;
            try {
                answer = answer(spark.sql(new String(request, StandardCharsets.UTF_8)));
            } catch (Throwable error) {
                word = "error";
                answer = String.valueOf(error.getMessage());
                for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
                    answer = answer + "; " + cause.getMessage();
                }
            }
            stop.cancel();
            byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
            out.print(word + " " + bytes.length + "\n");
            out.write(bytes);
            out.flush();
        }
        spark.stop();
    }

    private static byte[] read(DataInputStream in) throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        for (int next = in.read(); next != '\n'; next = in.read()) {
            if (next < 0) {
                return null;
            }
            line.write(next);
        }
        byte[] body = new byte[Integer.parseInt(line.toString(StandardCharsets.UTF_8).trim())];
        in.readFully(body);
        return body;
    }

    private static String answer(Dataset<Row> result) {
        StructField[] fields = result.schema().fields();
        if (fields.length == 0) {
            return "";
        }
        List<Row> rows = result.collectAsList();
        StringBuilder text = new StringBuilder("SELECT ");
        for (int i = 0; i < fields.length; i++) {
            text.append(i == 0 ? "" : ", ").append("CAST(c").append(i).append(" AS ").append(type(fields[i].dataType()));
            text.append(") AS \"").append(fields[i].name().replace("\"", "\"\"")).append('"');
        }
        text.append(" FROM (VALUES ");
        for (int at = 0; at < Math.max(rows.size(), 1); at++) {
            text.append(at == 0 ? "(" : ",(");
            for (int i = 0; i < fields.length; i++) {
                Object value = rows.isEmpty() ? null : rows.get(at).get(i);
                text.append(i == 0 ? "" : ",").append(value(value, fields[i].dataType()));
            }
            text.append(")");
        }
        text.append(") AS v(");
        for (int i = 0; i < fields.length; i++) {
            text.append(i == 0 ? "c" : ", c").append(i);
        }
        return text.append(rows.isEmpty() ? ") LIMIT 0" : ")").toString();
    }

    /** The type as DuckDB names it. */
    private static String type(DataType type) {
        if (type instanceof BooleanType) {
            return "BOOLEAN";
        } else if (type instanceof ByteType) {
            return "TINYINT";
        } else if (type instanceof ShortType) {
            return "SMALLINT";
        } else if (type instanceof IntegerType || type instanceof NullType) {
            return "INTEGER";
        } else if (type instanceof LongType) {
            return "BIGINT";
        } else if (type instanceof FloatType) {
            return "REAL";
        } else if (type instanceof DoubleType) {
            return "DOUBLE";
        } else if (type instanceof DecimalType of) {
            return "DECIMAL(" + of.precision() + "," + of.scale() + ")";
        } else if (type instanceof BinaryType) {
            return "BLOB";
        } else if (type instanceof DateType) {
            return "DATE";
        } else if (type instanceof TimestampNTZType) {
            return "TIMESTAMP";
        } else if (type instanceof TimestampType) {
            return "TIMESTAMPTZ";
        } else if (type instanceof DayTimeIntervalType || type instanceof YearMonthIntervalType) {
            return "INTERVAL";
        } else if (type instanceof ArrayType of) {
            return type(of.elementType()) + "[]";
        } else if (type instanceof MapType of) {
            return "MAP(" + type(of.keyType()) + "," + type(of.valueType()) + ")";
        } else if (type instanceof StructType of) {
            List<String> fields = new ArrayList<>();
            for (StructField field : of.fields()) {
                fields.add('"' + field.name().replace("\"", "\"\"") + "\" " + type(field.dataType()));
            }
            return "STRUCT(" + String.join(",", fields) + ")";
        }
        return "VARCHAR";
    }

    /** The value as DuckDB writes it. */
    private static String value(Object value, DataType type) {
        if (value == null) {
            return "NULL";
        } else if (value instanceof Boolean || value instanceof Byte || value instanceof Short) {
            return value.toString();
        } else if (value instanceof Integer || value instanceof Long) {
            return "'" + value + "'";
        } else if (value instanceof Float || value instanceof Double) {
            return "'" + value + "'::" + type(type);
        } else if (value instanceof BigDecimal number) {
            return "'" + number.toPlainString() + "'::" + type(type);
        } else if (value instanceof byte[] bytes) {
            StringBuilder text = new StringBuilder("'");
            for (byte next : bytes) {
                text.append(String.format("\\x%02X", next));
            }
            return text.append("'::BLOB").toString();
        } else if (value instanceof LocalDate day) {
            return "(DATE '1970-01-01' + (" + day.toEpochDay() + "))";
        } else if (value instanceof java.sql.Date day) {
            return "(DATE '1970-01-01' + (" + day.toLocalDate().toEpochDay() + "))";
        } else if (value instanceof LocalDateTime time) {
            return "make_timestamp(" + micros(time.toInstant(ZoneOffset.UTC)) + ")";
        } else if (value instanceof Instant time) {
            return zoned(micros(time));
        } else if (value instanceof java.sql.Timestamp time) {
            return zoned(micros(time.toInstant()));
        } else if (value instanceof Duration span) {
            long micros = span.getSeconds() * 1_000_000 + span.getNano() / 1_000;
            return "(to_days(" + micros / DAY + ") + to_microseconds(" + micros % DAY + "))";
        } else if (value instanceof Period span) {
            return "to_months(" + span.toTotalMonths() + ")";
        } else if (type instanceof ArrayType of) {
            return listed(list(value), of.elementType()) + "::" + type(type);
        } else if (type instanceof MapType of) {
            List<Object> keys = new ArrayList<>();
            List<Object> values = new ArrayList<>();
            java.util.Map<?, ?> map = scala.jdk.javaapi.CollectionConverters.asJava((scala.collection.Map<?, ?>) value);
            for (java.util.Map.Entry<?, ?> entry : map.entrySet()) {
                keys.add(entry.getKey());
                values.add(entry.getValue());
            }
            return "map(" + listed(keys, of.keyType()) + "," + listed(values, of.valueType()) + ")::" + type(type);
        } else if (type instanceof StructType of) {
            Row row = (Row) value;
            List<String> fields = new ArrayList<>();
            for (int i = 0; i < row.length(); i++) {
                StructField field = of.fields()[i];
                String shown = value(row.get(i), field.dataType());
                fields.add("'" + field.name().replace("'", "''") + "': " + shown + "::" + type(field.dataType()));
            }
            return "{" + String.join(",", fields) + "}";
        }
        return "'" + value.toString().replace("'", "''").replace("\0", "' || chr(0) || '") + "'";
    }

    private static long micros(Instant time) {
        return time.getEpochSecond() * 1_000_000 + time.getNano() / 1_000;
    }

    private static String zoned(long micros) {
        return "(make_timestamp(" + micros + ") AT TIME ZONE 'UTC')";
    }

    private static List<?> list(Object value) {
        return scala.jdk.javaapi.CollectionConverters.asJava((scala.collection.Seq<?>) value);
    }

    private static String listed(List<?> values, DataType type) {
        List<String> texts = new ArrayList<>();
        for (Object value : values) {
            texts.add(value(value, type));
        }
        return "[" + String.join(",", texts) + "]::" + type(type) + "[]";
    }
}
